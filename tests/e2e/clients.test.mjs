// What clients may cost: slow ones, too many of one address, those that are not welcome.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

import { MiB, atEnd, proxyTo, sleep, startOxbow, until, within } from './harness.mjs';
import { ask, metric } from './observe.mjs';
import { startOrigin } from './origin.mjs';

// A client that writes what it is told to. `text` is what came, `ended` fulfils at the end.
function rawClient(t, oxbow, options = {}) {
  const socket = net.connect({ port: oxbow.port, host: '127.0.0.1', ...options });
  atEnd(t, () => socket.destroy());
  const client = { socket, text: '', reset: false };
  socket.on('data', (bytes) => { client.text += bytes.toString('latin1'); });
  socket.on('error', () => { client.reset = true; });
  client.ended = new Promise((done) => socket.on('close', done));
  return client;
}

// Writes `piece` every `ms` until the client's connection ends.
async function drip(client, piece, ms) {
  let open = true;
  client.ended.then(() => { open = false; });
  while (open) {
    client.socket.write(piece);
    await sleep(ms);
  }
}

function checkRefused(client, status) {
  assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} `));
  assert.match(client.text, /^Connection: close\r$/mi);
}

const admin = 'admin: { listen: 127.0.0.1:0 }';

// Answers when it has read the body.
const patient = (request, response) => {
  request.resume();
  request.on('end', () => response.end('done\n'));
};

const start = async (t, listener, top = '') => {
  const origin = await startOrigin(t, patient);
  const yaml = proxyTo(origin.address, { listener, top: `${admin}\n${top}` });
  return { origin, oxbow: await startOxbow(t, yaml) };
};

test('a body that comes a byte at a time is too slow, though no pause is', async (t) => {
  const { origin, oxbow } = await start(t, `
    client_body_timeout: 1s
    client_min_rate: 1k`);
  const began = Date.now();
  const known = rawClient(t, oxbow);
  known.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n');
  const chunked = rawClient(t, oxbow);
  chunked.socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await within(30000, 'both ends', Promise.all([drip(known, 'x', 50),
    drip(chunked, '1\r\nx\r\n', 50)]));
  assert.ok(Date.now() - began >= 950, `${Date.now() - began} ms`);
  checkRefused(known, 408);
  checkRefused(chunked, 408);
  assert.deepEqual((await metric(oxbow, 'oxbow_listener_connections_ended_total'))[
    'reason="body_timeout"'], 2);
  // The small body was waited for before a connection was taken; the other's request was cut.
  await until(10000, 'no request left', () => origin.connections.open.size === 0);
});

test('a body that keeps to client_min_rate may take its time', async (t) => {
  const { oxbow } = await start(t, `
    client_body_timeout: 5s
    client_min_rate: 50`);
  const client = rawClient(t, oxbow);
  client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'
    + 'Content-Length: 3000\r\n\r\n');
  for (let i = 0; i < 30; ++i) {
    client.socket.write('y'.repeat(100));
    await sleep(100);
  }
  await within(20000, 'the answer', client.ended);
  assert.match(client.text, /^HTTP\/1\.1 200 /);
});

test('without client_min_rate only a pause is too long', async (t) => {
  const { oxbow } = await start(t, `
    client_body_timeout: 10s
    client_min_rate: 0`);
  const client = rawClient(t, oxbow);
  client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'
    + 'Content-Length: 50\r\n\r\n');
  for (let i = 0; i < 50; ++i) {
    client.socket.write('y');
    await sleep(100);
  }
  await within(20000, 'the answer', client.ended);
  assert.match(client.text, /^HTTP\/1\.1 200 /);
});

test('client_body_deadline is for all of a body, however fast it comes', async (t) => {
  const { oxbow } = await start(t, 'client_body_deadline: 1s');
  const client = rawClient(t, oxbow);
  client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
  const began = Date.now();
  await within(30000, 'its end', drip(client, 'x'.repeat(1000), 20));
  assert.ok(Date.now() - began >= 950);
  checkRefused(client, 408);
});

test('who takes a response too slowly is closed, and the server\'s connection with it',
  async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end('z'.repeat(32 * MiB)));
    const oxbow = await startOxbow(t, proxyTo(origin.address, { top: admin, listener: `
      send_timeout: 1s
      client_min_rate: 100m
      sndbuf: 16k` }));
    const client = net.connect(oxbow.port, '127.0.0.1');
    atEnd(t, () => client.destroy());
    client.on('error', () => {});
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const ended = new Promise((done) => client.on('close', done));
    let got = 0;
    client.on('data', async (bytes) => {
      got += bytes.length;
      client.pause();
      await sleep(50);
      client.resume();
    });
    await within(30000, 'its end', ended);
    assert.ok(got > 0 && got < 32 * MiB, `${got} bytes`);
    await until(10000, 'it is counted', async () => (await metric(oxbow,
      'oxbow_listener_connections_ended_total'))['reason="send_timeout"'] === 1);
    await until(10000, 'the server is free', () => origin.connections.open.size === 0);
  });

test('limit_conn: so many connections of an address, the next gets 429', async (t) => {
  const { origin, oxbow } = await start(t, 'limit_conn: 3', 'workers: 2');
  const hold = async (localAddress) => {
    const client = rawClient(t, oxbow, { localAddress });
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(10000, 'an answer', () => client.text.includes('\r\n\r\n'));
    return client;
  };
  const held = [];
  for (let i = 0; i < 3; ++i) held.push(await hold('127.0.0.1'));
  for (const client of held) assert.match(client.text, /^HTTP\/1\.1 200 /);
  const served = origin.requests;
  const fourth = await hold('127.0.0.1');
  checkRefused(fourth, 429);
  assert.match(fourth.text, /^Retry-After: 1\r$/mi);
  assert.match(fourth.text, /error=http_request_denied/);
  await within(10000, 'its end', fourth.ended);
  assert.equal(fourth.reset, false);
  assert.equal(origin.requests, served);
  assert.match((await hold('127.0.0.2')).text, /^HTTP\/1\.1 200 /);  // of another address

  held[0].socket.destroy();
  await until(10000, 'there is room again', async () =>
    (await hold('127.0.0.1')).text.startsWith('HTTP/1.1 200 '));
  assert.ok((await metric(oxbow, 'oxbow_listener_connections_ended_total'))['reason="denied"']
    >= 1);
});

test('allow and deny: 403 for who is not welcome, and nothing of it goes on', async (t) => {
  const { origin, oxbow } = await start(t, `
    allow: [ 127.0.0.0/8 ]
    deny: [ 127.0.1.0/24, all ]`);
  const from = (localAddress) => ask(oxbow.url, { localAddress });
  assert.equal((await from('127.0.0.1')).status, 200);
  const served = origin.requests;
  const denied = await from('127.0.1.7');
  assert.equal(denied.status, 403);
  assert.equal(denied.headers.connection, 'close');
  assert.match(denied.proxyStatus, /error=http_request_denied/);
  assert.equal(origin.requests, served);
  assert.equal((await from('127.0.2.7')).status, 200);
});

test('a client that is not welcome and says nothing is not kept for long', async (t) => {
  const { oxbow } = await start(t, 'deny: all');
  const client = rawClient(t, oxbow);
  await within(15000, 'its end', client.ended);
  assert.equal(client.text, '');
});

test('rules of addresses hold for new connections when they are loaded anew', async (t) => {
  const { oxbow } = await start(t, 'deny: 127.0.0.9');
  assert.equal((await ask(oxbow.url, { localAddress: '127.0.0.9' })).status, 403);
  fs.writeFileSync(oxbow.file, fs.readFileSync(oxbow.file, 'utf8').replace('deny: 127.0.0.9',
    'deny: 127.0.0.8'));
  oxbow.signal('SIGHUP');
  await until(10000, 'the rule is gone', async () =>
    (await ask(oxbow.url, { localAddress: '127.0.0.9' })).status === 200);
  assert.equal((await ask(oxbow.url, { localAddress: '127.0.0.8' })).status, 403);
});

test('worker_connections: auto is what descriptors leave', async (t) => {
  const origin = await startOrigin(t, patient);
  const oxbow = await startOxbow(t, proxyTo(origin.address,
    { top: admin, upstream: 'max_conns: 20', listener: 'client_header_timeout: 60s' }),
  { under: ['prlimit', '--nofile=600:600'] });
  const clients = [];
  for (let i = 0; i < 500; ++i) clients.push(rawClient(t, oxbow));
  // 600, less 256 and the upstream's 20, less the listener.
  await until(20000, 'the limit is met', async () => {
    const open = Object.values(await metric(oxbow, 'oxbow_listener_connections_open'))[0];
    return open === 323;
  });
  await sleep(300);
  const { '': open } = await metric(oxbow, 'oxbow_listener_connections_open');
  assert.equal(open, 323);
  assert.match(oxbow.stderr, /worker_connections are all taken, accepting pauses/);
  for (const client of clients) client.socket.destroy();
  assert.equal((await ask(oxbow.url)).status, 200);
});
