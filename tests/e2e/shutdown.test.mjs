// The end of the process: drained by SIGTERM, at once by a second one or by SIGQUIT.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { atEnd, proxyTo, sleep, startOxbow, until, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';

// Longer than the tests are patient: what ends does so by itself.
const kShutdown = '60s';

// /held is answered when the test says so, /streamed has begun and ends then; the rest at once.
async function start(t) {
  const held = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/streamed') response.write('begun ');
    if (request.url === '/quick') response.end('done\n');
    else held.push(response);
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { shutdown: kShutdown }));
  return { origin, oxbow, held, finish: () => held.splice(0).forEach((r) => r.end('done\n')) };
}

// { status, headers, text, cut } when all of the response is there, or the connection has ended.
const get = (t, oxbow, path) => new Promise((done) => {
  const agent = new http.Agent({ keepAlive: true });
  atEnd(t, () => agent.destroy());
  const request = http.get(oxbow.url + path, { agent }, (response) => {
    const result = { status: response.statusCode, headers: response.headers, text: '', cut: false };
    response.on('data', (piece) => { result.text += piece; });
    response.on('error', () => { result.cut = true; });
    response.on('close', () => done(result));
  });
  request.on('error', () => done({ status: 0, cut: true }));
});

const refused = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); done(false); });
  socket.on('error', (error) => done(error.code === 'ECONNREFUSED'));
});

// A client between two requests; `ended` fulfils when oxbow closes it.
async function idleClient(t, oxbow) {
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  const ended = new Promise((done) => socket.on('close', done));
  socket.on('error', () => {});
  socket.write('GET /quick HTTP/1.1\r\nHost: idle\r\n\r\n');
  await within(5000, 'first answer', new Promise((done) => socket.once('data', done)));
  return { socket, ended };
}

test('SIGTERM: what is in progress ends well, then the process', async (t) => {
  const { origin, oxbow, held, finish } = await start(t);
  const idle = await idleClient(t, oxbow);
  const requests = [get(t, oxbow, '/held'), get(t, oxbow, '/streamed')];
  await until(5000, 'both at the origin', () => held.length === 2);

  oxbow.signal('SIGTERM');
  await within(3000, 'end of the idle client', idle.ended);
  await until(3000, 'no new clients', () => refused(oxbow.port));
  await sleep(500);
  assert.ok(oxbow.running);
  finish();
  const [whole, streamed] = await within(2000, 'the answers', Promise.all(requests));
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.connection, 'close');
  assert.equal(whole.text, 'done\n');
  assert.equal(streamed.text, 'begun done\n');
  assert.equal(streamed.cut, false);
  assert.deepEqual(await within(3000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
  assert.equal(origin.requests, 3);
  await until(3000, 'connections closed', () => origin.connections.open.size === 0);
});

test('SIGTERM with nothing to do: the end comes at once', async (t) => {
  const { oxbow } = await start(t);
  const clients = await Promise.all(Array.from({ length: 50 }, () => idleClient(t, oxbow)));
  oxbow.signal('SIGTERM');
  assert.deepEqual(await within(3000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
  await within(3000, 'end of the clients', Promise.all(clients.map(({ ended }) => ended)));
});

test('a request that is on its way in when SIGTERM comes is served', async (t) => {
  const { oxbow } = await start(t);
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let text = '';
  socket.on('data', (bytes) => { text += bytes; });
  socket.write('GET /quick HTTP/1.1\r\nHost: la');
  // Both answers say that oxbow has seen what came before them.
  await idleClient(t, oxbow);
  oxbow.signal('SIGTERM');
  await until(3000, 'no new clients', () => refused(oxbow.port));
  socket.write('te\r\n\r\n');
  await within(2000, 'the answer', new Promise((done) => socket.on('close', done)));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /^Connection: close\r$/mi);
  assert.match(text, /done\n/);
  assert.deepEqual(await within(3000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
});

test('shutdown_timeout cuts what does not end', async (t) => {
  const origin = await startOrigin(t, () => {});
  const oxbow = await startOxbow(t, proxyTo(origin.address, { shutdown: '1s' }));
  const request = get(t, oxbow, '/held');
  await until(5000, 'request at the origin', () => origin.requests === 1);
  const started = Date.now();
  oxbow.signal('SIGTERM');
  const end = await within(5000, 'end of oxbow', oxbow.exited);
  const ms = Date.now() - started;
  assert.deepEqual(end, { code: 0, signal: null });
  assert.ok(ms >= 950, `${ms} ms`);
  assert.equal((await request).cut, true);
});

for (const [name, signals] of [
  ['a second SIGTERM', ['SIGTERM', 'SIGTERM']],
  ['SIGINT behind a SIGTERM', ['SIGTERM', 'SIGINT']],
  ['SIGQUIT', ['SIGQUIT']],
]) {
  test(`${name} stops at once`, async (t) => {
    const { oxbow, held } = await start(t);
    const request = get(t, oxbow, '/streamed');
    await until(5000, 'request at the origin', () => held.length === 1);
    for (const signal of signals.slice(0, -1)) {
      oxbow.signal(signal);
      // Of two signals that wait at once only one is delivered.
      await until(5000, 'the drain', () => oxbow.stderr.includes('draining'));
      await sleep(100);
      assert.ok(oxbow.running);
    }
    oxbow.signal(signals.at(-1));
    assert.deepEqual(await within(3000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
    assert.equal((await request).cut, true);
  });
}

test('SIGTERM again and again is a clean end all the same', async (t) => {
  for (let i = 0; i < 10; ++i) {
    const { oxbow } = await start(t);
    await Promise.all(Array.from({ length: 20 }, () => idleClient(t, oxbow)));
    while (oxbow.running) {
      oxbow.signal('SIGTERM');
      await new Promise((done) => setImmediate(done));
    }
    assert.deepEqual(await oxbow.exited, { code: 0, signal: null });
  }
});

test('under load, SIGTERM loses no request that was accepted', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    setTimeout(() => response.end('done\n'), 5);
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { shutdown: kShutdown }));
  const counts = { answered: 0, lost: [] };
  let over = false;
  const client = async () => {
    while (!over) {
      // A connection for each, so that none meets a keep-alive close.
      await new Promise((done) => {
        const request = http.get(oxbow.url, { agent: false }, (response) => {
          response.resume();
          response.on('error', (error) => counts.lost.push(error.code));
          response.on('end', () => { ++counts.answered; });
          response.on('close', done);
        });
        request.on('error', (error) => {
          over = true;
          // The backlog's clients were not accepted: they are reset, or refused after that.
          if (!['ECONNREFUSED', 'ECONNRESET'].includes(error.code)) counts.lost.push(error.code);
          done();
        });
      });
    }
  };
  const clients = Array.from({ length: 20 }, client);
  await until(20000, 'load', () => counts.answered > 100);
  oxbow.signal('SIGTERM');
  await within(8000, 'end of oxbow', oxbow.exited);
  await Promise.all(clients);
  assert.deepEqual(counts.lost, []);
  assert.equal(counts.answered, origin.requests);
});
