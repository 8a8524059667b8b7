// A server that tells nothing about how long it keeps idle connections: it closes them after
// `idleMs`, whatever is on the wire then. Small requests only, one at a time. It has a thread of
// its own: in the client's thread it could not close while a request is being sent.

import assert from 'node:assert/strict';
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

class SilentServer {
  constructor(idleMs) {
    this.idleMs = idleMs;
    this.nonces = new Map();  // how often each was executed
    this.opened = 0;
    this.closes = 0;
    this.server = net.createServer({ noDelay: true }, (socket) => this.serve(socket));
  }

  serve(socket) {
    ++this.opened;
    let idle = null;
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => clearTimeout(idle));
    socket.on('data', (bytes) => {
      clearTimeout(idle);
      text += bytes.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
      if (text.length < headEnd + 4 + length) return;
      assert.equal(text.length, headEnd + 4 + length, 'one request at a time');
      this.answer(socket, /^x-nonce: (\S+)/im.exec(text)[1]);
      text = '';
      idle = setTimeout(() => {
        ++this.closes;
        socket.destroy();
      }, this.idleMs);
    });
  }

  answer(socket, nonce) {
    this.nonces.set(nonce, (this.nonces.get(nonce) ?? 0) + 1);
    socket.write(`HTTP/1.1 200 OK\r\nX-Nonce: ${nonce}\r\nContent-Length: 3\r\n\r\nok\n`);
  }

  counts() {
    return { nonces: this.nonces, opened: this.opened, closes: this.closes };
  }
}

const silent = new SilentServer(workerData.idleMs);
silent.server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () =>
  parentPort.postMessage(silent.server.address().port));
parentPort.on('message', () => parentPort.postMessage(silent.counts()));
