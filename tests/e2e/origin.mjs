// Origins in the test's own process, which count what reaches them.

import http from 'node:http';
import https from 'node:https';
import { Worker } from 'node:worker_threads';

import { atEnd, within } from './harness.mjs';

const listen = (server, port = 0) => new Promise((done, failed) => {
  server.once('error', failed);
  server.listen({ port, host: '127.0.0.1', backlog: 1024 }, () => {
    server.off('error', failed);
    done();
  });
});

// The end of a connection that the peer closed before it opened the next one may be read only after
// that one was accepted. So what is open is counted a moment later: `count()` gives it.
export function countMost(servers, count) {
  const most = { value: 0 };
  for (const server of servers) {
    server.on('connection', () => setTimeout(() => {
      most.value = Math.max(most.value, count());
    }, 5));
  }
  return most;
}

class Connections {
  constructor(server) {
    this.opened = 0;
    this.open = new Set();
    this.highest = countMost([server], () => this.open.size);
    server.on('connection', (socket) => {
      ++this.opened;
      this.open.add(socket);
      for (const end of ['end', 'close']) socket.on(end, () => this.open.delete(socket));
    });
  }

  // How many were open together.
  get most() { return this.highest.value; }
}

// Node's server. `handler(request, response)` answers; the default echoes the nonce. With a `cert`
// among the options it speaks TLS.
class Origin {
  constructor(handler, options) {
    const { createServer } = options.cert === undefined ? http : https;
    this.server = createServer(options, (request, response) => {
      ++this.requests;
      handler(request, response);
    });
    this.server.keepAliveTimeout = 0;  // it never closes by itself, unless a test says otherwise
    this.server.requestTimeout = 0;
    this.server.headersTimeout = 0;
    this.requests = 0;
    this.connections = new Connections(this.server);
    this.handshakes = [];  // that were completed: { reused, version, cipher, name, client }
    this.server.on('secureConnection', (socket) => this.handshakes.push({
      reused: socket.isSessionReused(),
      version: socket.getProtocol(),
      cipher: socket.getCipher().name,
      name: socket.servername || null,
      client: socket.getPeerCertificate().subject?.CN ?? null,
    }));
  }

  get port() { return this.server.address().port; }
  get address() { return `127.0.0.1:${this.port}`; }

  // Resets what is open, as a killed process does.
  async stop() {
    if (!this.server.listening) return;
    const closed = new Promise((done) => this.server.close(done));
    for (const socket of this.connections.open) socket.destroy();
    await closed;
  }
}

export async function startOrigin(t, handler = echoNonce, options = {}) {
  const origin = new Origin(handler, options);
  atEnd(t, () => origin.stop());
  await listen(origin.server);
  return origin;
}

export function echoNonce(request, response) {
  const nonce = request.headers['x-nonce'];
  request.resume();
  request.on('end', () => {
    response.setHeader('X-Nonce', nonce);
    response.end(`${request.method} ${nonce}\n`);
  });
}

// silent_server.mjs in a thread. Gives { address, counts() }; counts() tells what it has counted.
export async function startSilentOrigin(t, idleMs) {
  const file = new URL('silent_server.mjs', import.meta.url);
  const worker = new Worker(file, { workerData: { idleMs } });
  atEnd(t, () => worker.terminate());
  const message = (what) => within(5000, what, new Promise((done, failed) => {
    worker.once('message', done);
    worker.once('error', failed);
  }));
  const port = await message('port of the silent origin');
  return {
    address: `127.0.0.1:${port}`,
    counts() {
      worker.postMessage('counts');
      return message('counts of the silent origin');
    },
  };
}
