// Debian's nginx as an origin: one process, everything in a temporary folder. What it saw is read
// from its own log.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { Process, atEnd, freePort, sleep, tempDir, until } from './harness.mjs';

const connects = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

// root/      what GET finds and PUT saves
// bodies/    the bodies of POST /post, a file each
const config = (dir, port, server, tls) => `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log warn;
events { worker_connections 1024; }
http {
  log_format seen '$connection $connection_requests $request_method $uri $status'
                  ' $request_length "$request_body_file" "$http_expect" "$http_x_nonce"'
                  ' $ssl_session_reused $ssl_protocol $ssl_server_name "$ssl_client_s_dn"';
  access_log ${dir}/access.log seen;
  client_body_temp_path ${dir}/bodies;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  client_max_body_size 0;
  sendfile on;
  keepalive_requests 1000000;
  server {
    listen unix:${dir}/inner.sock;
    access_log off;
    location / { return 200 "taken\\n"; }
  }
  server {
    listen 127.0.0.1:${port} ${tls === undefined ? '' : 'ssl'} backlog=1024;
    listen unix:${dir}/nginx.sock;
    ${server}
    ${tls === undefined ? '' : `ssl_certificate ${tls.chainFile};`}
    ${tls === undefined ? '' : `ssl_certificate_key ${tls.key};`}
    location / {
      root ${dir}/root;
      dav_methods PUT;
      create_full_put_path on;
    }
    location /gzip/ {
      alias ${dir}/root/;
      gzip on;
      gzip_min_length 1;
      gzip_proxied any;
      gzip_types *;
    }
    location = /post {
      client_body_in_file_only on;
      proxy_pass http://unix:${dir}/inner.sock:/;
    }
  }
}
`;

class Nginx {
  constructor(dir, server, tls) {
    this.dir = dir;
    this.tls = tls;
    this.root = path.join(dir, 'root');
    this.socket = `unix:${dir}/nginx.sock`;
    this.server = server;
    fs.mkdirSync(this.root);
  }

  get address() { return `127.0.0.1:${this.port}`; }

  // The first time the port may be gone again before nginx has it.
  async start() {
    for (let tries = 3; ; --tries) {
      const port = this.port ?? await freePort();
      const file = path.join(this.dir, 'nginx.conf');
      fs.writeFileSync(file, config(this.dir, port, this.server, this.tls));
      // A socket file that a killed process left behind is in the way of the next.
      for (const name of ['nginx.sock', 'inner.sock'])
        fs.rmSync(path.join(this.dir, name), { force: true });
      this.process = new Process('nginx', ['-p', this.dir, '-c', file]);
      const up = await until(10000, 'nginx', async () =>
        (await connects(port)) ? 'up' : !this.process.running && 'ended');
      if (up === 'up' && this.process.running) {
        this.port = port;
        return;
      }
      assert.ok(tries > 1 && this.port === undefined, `nginx ended:\n${this.process.stderr}`);
      await sleep(10);
    }
  }

  async kill() {
    this.process.signal('SIGKILL');
    await this.process.finish(10000);
  }

  async stop() {
    if (this.process?.running) this.process.signal('SIGTERM');
    await this.process?.finish(10000);
  }

  // The `count` requests that nginx saw, in order: { connection, nth, method, uri, status, length,
  // bodyFile, expect, nonce, reused, version, name, client }. It writes a line when a response has
  // left.
  async seen(count) {
    const log = path.join(this.dir, 'access.log');
    const lines = () => fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
    await until(10000, `${count} requests at nginx`, () => lines().length >= count);
    assert.equal(lines().length, count, 'requests at nginx');
    return lines().map((line) => {
      const [, connection, nth, method, uri, status, length, bodyFile, expect, nonce, reused,
        version, name, client] = new RegExp(
        '^(\\d+) (\\d+) (\\S+) (\\S+) (\\d+) (\\d+) "([^"]*)"'
          + ' "([^"]*)" "([^"]*)" (\\S+) (\\S+) (\\S+) "([^"]*)"$').exec(line);
      return { connection, nth: Number(nth), method, uri, status: Number(status),
        length: Number(length), bodyFile, expect, nonce, reused: reused === 'r', version, name,
        client };
    });
  }

  // How many connections those came over.
  async connections(count) {
    return new Set((await this.seen(count)).map((request) => request.connection)).size;
  }
}

// `server` is further lines of its server block. `tls` is a leaf of certificates.mjs; without
// one it speaks none.
export async function startNginx(t, server = '', { tls } = {}) {
  const nginx = new Nginx(tempDir(t), server, tls);
  atEnd(t, () => nginx.stop());
  await nginx.start();
  return nginx;
}
