// Servers below HTTP: plain sockets, TLS sockets, and a relay that stands between oxbow and a TLS
// server, to hold up and cut off what it cannot read.

import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

import { atEnd } from './harness.mjs';

async function listening(t, server, sockets) {
  await new Promise((done, failed) => {
    server.once('error', failed);
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, done);
  });
  atEnd(t, async () => {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return server.address().port;
}

// A certificate of certificates.mjs as options of node:tls.
export const served = (leaf, options = {}) =>
  ({ cert: fs.readFileSync(leaf.chainFile), key: fs.readFileSync(leaf.key), ...options });

// Gives { address, port, sockets, received }; `received` has the bytes that came over each
// connection.
export async function startPlainServer(t, onSocket = () => {}) {
  const origin = { sockets: [], received: [] };
  const server = net.createServer((socket) => {
    const index = origin.sockets.push(socket) - 1;
    origin.received.push(Buffer.alloc(0));
    socket.on('data', (data) => {
      origin.received[index] = Buffer.concat([origin.received[index], data]);
    });
    socket.on('error', () => {});
    onSocket(socket, index);
  });
  origin.port = await listening(t, server, origin.sockets);
  origin.address = `127.0.0.1:${origin.port}`;
  return origin;
}

// `onRequest(socket, head, index)` is called for each request without a body; `index` counts the
// connections. Gives { address, port, sockets, requests }.
export async function startTlsServer(t, options, onRequest) {
  const origin = { sockets: [], requests: 0 };
  const server = tls.createServer(options, (socket) => {
    const index = origin.sockets.push(socket) - 1;
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => {
      text += data;
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; text = text.slice(end + 4)) {
        ++origin.requests;
        onRequest(socket, text.slice(0, end), index);
      }
    });
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  origin.port = await listening(t, server, origin.sockets);
  origin.address = `127.0.0.1:${origin.port}`;
  return origin;
}

export const reply = (body, fields = '') =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

class Relay {
  constructor(target, forward) {
    this.target = target;
    this.forward = forward;
    this.pairs = new Set();
    this.opened = 0;
  }

  accept(client) {
    ++this.opened;
    const server = net.connect(this.target, '127.0.0.1');
    const pair = { client, server, cut: false };
    this.pairs.add(pair);
    client.on('data', (data) => { if (!server.destroyed) server.write(data); });
    client.on('end', () => server.end());
    server.on('data', (data) => { if (!pair.cut) this.forward(client, data); });
    server.on('end', () => { if (!pair.cut) client.end(); });
    for (const socket of [client, server]) socket.on('error', () => {});
    client.on('close', () => {
      this.pairs.delete(pair);
      server.destroy();
    });
  }

  // Ends what is open by `end`, 'end' for FIN or 'resetAndDestroy'. No close_notify goes before it.
  // Node never comes to an end with a reset behind a FIN of its own.
  cutOff(end = 'end') {
    for (const pair of this.pairs) {
      pair.cut = true;
      if (pair.client.writableEnded) pair.client.destroy();
      else pair.client[end]();
      pair.server.destroy();
    }
  }
}

// In front of a server's port. `forward(client, data)` passes on what the server sends.
export async function startRelay(t, target, forward = (client, data) => client.write(data)) {
  const relay = new Relay(target, forward);
  const sockets = [];
  const server = net.createServer((client) => {
    sockets.push(client);
    relay.accept(client);
  });
  relay.port = await listening(t, server, sockets);
  relay.address = `127.0.0.1:${relay.port}`;
  return relay;
}
