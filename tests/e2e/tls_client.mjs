// Clients that speak TLS with oxbow: Node's, curl, `openssl s_client`, and a relay in between that
// sees the records, holds bytes back or lets a connection end as no library would.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

import { atEnd, proxyTo, run, until, within } from './harness.mjs';

// As proxyTo(). `block` is what stands in the listener's `tls: { ... }`.
export function tlsProxyTo(server, block, { listener = '', ...settings } = {}) {
  return proxyTo(server, { ...settings, listener: `tls: { ${block} }\n${listener}` });
}

export const pairOf = (leaf, more = '') =>
  `{ cert: ${leaf.chainFile}, key: ${leaf.key}${more && `, ${more}`} }`;
export const certificates = (...pairs) => `certificates: [ ${pairs.join(', ')} ]`;

// One request that closes its connection, unless told otherwise. Gives what there is of a response;
// `code` is that of an error.
export const ask = (port, options = {}) => new Promise((done) => {
  const { body, secure = true, ...rest } = options;
  const result = { text: '', cut: false };
  const { request: send } = secure ? https : http;
  const request = send({ host: '127.0.0.1', port, agent: false, servername: 'localhost',
    rejectUnauthorized: false, ...rest }, (response) => {
    Object.assign(result, { status: response.statusCode, headers: response.headers,
      raw: response.rawHeaders, socket: response.socket });
    if (secure) {
      result.reused = response.socket.isSessionReused();
      result.version = response.socket.getProtocol();
      result.certificate = response.socket.getPeerX509Certificate();
    }
    response.on('data', (piece) => { result.text += piece; });
    response.on('error', () => { result.cut = true; });
    response.on('close', () => done(result));
  });
  request.on('error', (error) => {
    result.code ??= error.code;
    if (result.status === undefined) done(result);
  });
  request.end(body);
});

// A TLS connection that keeps what comes: `received`; `ended` when the other side has ended; `error`
// is the code of what broke it, `sessions` are all that can be resumed, `staple` is an OCSP
// response. `opened` is fulfilled by the handshake or by its failure, `closed` in the end.
export class Client {
  constructor(t, port, options = {}) {
    Object.assign(this, { received: Buffer.alloc(0), ended: false, error: null, sessions: [] });
    this.socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost',
      rejectUnauthorized: false, ...options });
    atEnd(t, () => this.socket.destroy());
    this.closed = new Promise((done) => this.socket.once('close', done));
    this.opened = Promise.race([this.closed,
      new Promise((done) => this.socket.once('secureConnect', done))]);
    this.socket.on('error', (error) => { this.error ??= error.code; });
    this.socket.on('data', (piece) => { this.received = Buffer.concat([this.received, piece]); });
    this.socket.on('end', () => { this.ended = true; });
    this.socket.on('OCSPResponse', (bytes) => { this.staple = bytes; });
    this.socket.on('session', (session) => this.sessions.push(session));
  }

  get text() { return this.received.toString('latin1'); }
  get reused() { return this.socket.isSessionReused(); }
  get name() { return this.socket.getPeerX509Certificate().subject; }

  write(bytes) { this.socket.write(bytes); }

  // GET, with fields such as 'Host: a'.
  get(target = '/', ...fields) {
    if (!fields.some((field) => field.startsWith('Host:'))) fields.push('Host: localhost');
    this.write(`GET ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`);
  }

  async hears(what, ms = 5000) {
    const has = () => (what instanceof RegExp ? what.test(this.text) : this.text.includes(what));
    await until(ms, `${what}`, () => has() || this.error !== null || this.socket.destroyed)
      .catch(() => {});
    const end = JSON.stringify(this.text.slice(-1000));
    assert.ok(has(), `no ${what}, error ${this.error}, in ${end}`);
  }

  async ends(ms = 5000) {
    await within(ms, 'end of the connection', this.closed);
    return this.error;
  }

  close() {
    this.socket.destroy();
    return this.closed;
  }
}

// A client whose handshake is over, well or not.
export async function connect(t, port, options) {
  const client = new Client(t, port, options);
  await within(10000, 'the handshake', client.opened);
  return client;
}

// The code of what a connection and, if that stands, a request come to.
export async function refusal(t, port, options) {
  const client = await connect(t, port, options);
  if (client.error === null) client.get();  // TLS 1.3 opens the client's side before it is judged
  await within(5000, `an answer (${client.text})`, client.closed);
  assert.equal(client.text, '');
  return client.error;
}

// `openssl s_client`, which gets `input` and then, unless told otherwise, stays until the server
// ends. Its stderr too is in `text`.
export async function sClient(port, args, input = '', { stays = true, ...options } = {}) {
  const servername = args.some((arg) => ['-servername', '-noservername'].includes(arg)) ? []
    : ['-servername', 'localhost'];
  const result = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...servername,
    ...(stays ? ['-ign_eof'] : []), ...args], { input, ms: 10000, ...options });
  return { ...result, text: result.stdout + result.stderr };
}

export const kClose = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

// What s_client says of an end without close_notify; one with it is 'closed'.
export const kTruncated = /unexpected eof while reading/;
export const kCloseNotify = /^closed$/m;

// A relay to `port` that keeps what passes. `split`, when there is one, gets each piece of the
// client's bytes and sends on what it likes; it may be async. Without `half` the client's FIN stays
// here.
export class Relay {
  constructor(port, { split = null, half = true } = {}) {
    Object.assign(this, { port, split, half, up: [], down: [], pairs: [] });
    this.server = net.createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  }

  accept(client) {
    const server = net.connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, server, downEnded: false, serverClosed: false, reset: false };
    this.pairs.push(pair);
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', () => {});
    let sending = Promise.resolve();
    client.on('data', (piece) => {
      this.up.push(piece);
      if (this.split === null) return server.write(piece);
      sending = sending.then(() => this.split(piece, (part) => server.write(part)));
    });
    client.on('end', () => sending.then(() => this.half && server.end()));
    client.on('close', () => sending.then(() => this.half && server.destroy()));
    server.on('data', (piece) => {
      this.down.push(piece);
      client.write(piece);
    });
    server.on('end', () => { pair.downEnded = true; client.end(); });
    server.on('error', (error) => { pair.reset = error.code === 'ECONNRESET'; });
    server.on('close', () => { pair.serverClosed = true; client.destroy(); });
  }

  // The records that oxbow has sent, as { type, size }. In TLS 1.2 their types are true.
  records() {
    const all = Buffer.concat(this.down);
    const list = [];
    for (let at = 0; at + 5 <= all.length; at += 5 + all.readUInt16BE(at + 3))
      list.push({ type: all[at], size: all.readUInt16BE(at + 3) });
    return list;
  }

  async stop() {
    const closed = new Promise((done) => this.server.close(done));
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }
}

export const kAlert = 21;  // the type of a record
export const kHandshake = 22;
export const kData = 23;

export async function startRelay(t, port, options) {
  const relay = new Relay(port, options);
  atEnd(t, () => relay.stop());
  await new Promise((done) => relay.server.listen(0, '127.0.0.1', done));
  relay.ownPort = relay.server.address().port;
  return relay;
}

// The ClientHello that Node's client begins with, as its record.
export async function clientHello(t, options = {}) {
  const server = net.createServer();
  atEnd(t, () => new Promise((done) => server.close(done)));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const first = new Promise((done) => server.once('connection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => { done(bytes); socket.destroy(); });
  }));
  const client = tls.connect({ host: '127.0.0.1', port: server.address().port,
    servername: 'localhost', ...options });
  client.on('error', () => {});
  const bytes = await within(5000, 'ClientHello', first);
  client.destroy();
  assert.equal(bytes[0], kHandshake);
  assert.equal(bytes.length, 5 + bytes.readUInt16BE(3));
  return bytes;
}

// A value of /metrics, the sum over all series that have all of `labels`. Needs `admin`.
export async function metric(oxbow, name, labels = {}) {
  const { text } = await ask(oxbow.adminPort, { secure: false, path: '/metrics' });
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return text.split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => parts.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

export const ended = (oxbow, reason) =>
  metric(oxbow, 'oxbow_listener_connections_ended_total', { reason });
export const handshakes = (oxbow, result) =>
  metric(oxbow, 'oxbow_listener_tls_handshakes_total', { result });

export const kAdmin = 'admin: { listen: 127.0.0.1:0 }';
