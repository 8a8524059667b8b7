// Clients that ask again and again, and what they were answered and when.

import http from 'node:http';
import net from 'node:net';

import { atEnd, sleep } from './harness.mjs';

// One request. Gives { started, ended, status, says }; a connection that ends has no status.
export const get = (url, agent, headers = {}) => new Promise((done) => {
  const started = Date.now();
  const end = (answer) => done({ started, ended: Date.now(), ...answer });
  const request = http.get(url, { agent, headers }, (response) => {
    response.resume();
    response.on('error', () => {});
    response.on('close', () => end({
      status: response.complete ? response.statusCode : undefined,
      says: response.headers['proxy-status'],
    }));
  });
  request.on('error', (error) => end({ says: error.code }));
});

// `clients` that GET with a pause in between, each over a connection that it keeps.
export class Asking {
  constructor(url, clients, { pause = 5, headers = () => ({}) } = {}) {
    this.answers = [];
    this.headers = headers;
    this.clients = Array.from({ length: clients }, () => this.client(url, pause));
  }

  async client(url, pause) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.over) {
      this.answers.push(await get(url, agent, this.headers()));
      await sleep(pause);
    }
    agent.destroy();
  }

  async stop() {
    this.over = true;
    await Promise.all(this.clients);
  }

  get failed() { return this.answers.filter(({ status }) => status !== 200); }
  get longest() { return Math.max(...this.answers.map(({ started, ended }) => ended - started)); }
}

// A server below HTTP that answers with the path. Gives { address, requests }.
export async function startNaming(t) {
  const origin = { requests: 0 };
  const server = net.createServer((socket) => {
    atEnd(t, () => socket.destroy());
    let text = '';
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes;
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; text = text.slice(end + 4)) {
        ++origin.requests;
        const name = text.slice(text.indexOf('/') + 1, text.indexOf(' HTTP'));
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
      }
    });
  });
  atEnd(t, () => new Promise((done) => server.close(done)));
  server.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  origin.address = `127.0.0.1:${server.address().port}`;
  return origin;
}
