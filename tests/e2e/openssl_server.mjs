// `openssl s_server` as an origin: one connection at a time, and of every TLS that OpenSSL has. To
// each request it answers with a page of its own, which ends with the connection.

import { Process, atEnd, until } from './harness.mjs';

export async function startOpensslServer(t, leaf, args) {
  const server = new Process('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', leaf.cert,
    '-cert_chain', leaf.chainFile, '-key', leaf.key, '-www', ...args]);
  atEnd(t, async () => {
    server.signal('SIGKILL');
    await server.finish(10000);
  });
  const port = await until(10000, 's_server', () => {
    if (!server.running) throw new Error(`s_server ended:\n${server.stderr}`);
    return /^ACCEPT 127\.0\.0\.1:(\d+)/m.exec(server.stdout)?.[1];
  });
  return { address: `127.0.0.1:${port}`, process: server };
}
