// HAProxy as an origin that speaks TLS and answers by itself: `X-Reused` and `X-Version` tell what
// it saw.

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { Process, atEnd, freePort, tempDir, until } from './harness.mjs';

const told = 'hdr X-Reused %[ssl_fc_is_resumed] hdr X-Version %[ssl_fc_protocol]';

const config = (port, pem, bind) => `
global
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout client 10s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${pem} ${bind}
  http-request return status 200 content-type text/plain string served ${told}
`;

const connects = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

// `bind` is further words of its bind line.
export async function startHaproxy(t, leaf, bind = '') {
  const dir = tempDir(t);
  const pem = path.join(dir, 'both.pem');
  fs.writeFileSync(pem, fs.readFileSync(leaf.chainFile, 'utf8') + fs.readFileSync(leaf.key));
  for (let tries = 3; ; --tries) {
    const port = await freePort();
    const file = path.join(dir, 'haproxy.cfg');
    fs.writeFileSync(file, config(port, pem, bind));
    const haproxy = new Process('haproxy', ['-db', '-f', file]);
    const up = await until(10000, 'haproxy', async () =>
      (await connects(port)) ? 'up' : !haproxy.running && 'ended');
    if (up === 'up' && haproxy.running) {
      atEnd(t, async () => {
        haproxy.signal('SIGKILL');
        await haproxy.finish(10000);
      });
      return { address: `127.0.0.1:${port}`, process: haproxy };
    }
    if (tries === 1) throw new Error(`haproxy ended:\n${haproxy.stderr}`);
  }
}
