// How clients are let go: told ahead, not cut off, not all at once.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { atEnd, proxyTo, startOxbow, until, within } from './harness.mjs';
import { ask } from './observe.mjs';
import { startOrigin } from './origin.mjs';

const admin = 'admin: { listen: 127.0.0.1:0 }';

const start = async (t, edit, top = '') => {
  const origin = await startOrigin(t, (request, response) => response.end('done\n'));
  const yaml = proxyTo(origin.address, { top: `${admin}\n${top}` });
  return { origin, oxbow: await startOxbow(t, edit(yaml)) };
};

// A client that has asked once. `closedAt` is set when oxbow closes it.
async function idleClient(t, oxbow) {
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  const client = { socket, text: '', closedAt: null, reset: false };
  socket.on('data', (bytes) => { client.text += bytes.toString('latin1'); });
  socket.on('error', () => { client.reset = true; });
  socket.on('close', () => { client.closedAt = Date.now(); });
  client.ask = async () => {
    client.text = '';
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(20000, 'an answer', () => client.text.includes('done\n'));
  };
  await client.ask();
  return client;
}

test('drain_delay: not ready any more, and still accepting', async (t) => {
  const { oxbow } = await start(t, (yaml) => yaml, 'drain_delay: 10s');
  const ready = async () => (await ask(`${oxbow.adminUrl}/readyz`)).status;
  assert.equal(await ready(), 200);
  const client = await idleClient(t, oxbow);
  const began = Date.now();
  oxbow.signal('SIGTERM');
  await until(9000, 'readyz says so', async () => await ready() === 503);
  const answer = await ask(oxbow.url);
  await client.ask();
  const stillDelayed = Date.now() - began < 9900;
  assert.ok(stillDelayed, 'this machine was too slow to ask within drain_delay');
  assert.equal(answer.status, 200);
  assert.equal(client.closedAt, null);
  assert.doesNotMatch(client.text, /^Connection: close\r$/mi);
  assert.deepEqual(await within(30000, 'its end', oxbow.exited), { code: 0, signal: null });
  assert.ok(Date.now() - began >= 9950, `${Date.now() - began} ms`);
});

test('a second SIGTERM ends drain_delay', async (t) => {
  const { oxbow } = await start(t, (yaml) => yaml, 'drain_delay: 1h');
  oxbow.signal('SIGTERM');
  await until(10000, 'draining', async () =>
    (await ask(`${oxbow.adminUrl}/readyz`)).status === 503);
  oxbow.signal('SIGTERM');
  assert.deepEqual(await within(10000, 'its end', oxbow.exited), { code: 0, signal: null });
});

for (const workers of [1, 2])
  test(`idle clients are closed one after another: ${workers} workers`, async (t) => {
    const { oxbow } = await start(t, (yaml) => yaml.replace('drain_spread: 0s',
      'drain_spread: 20s').replace('shutdown_timeout: 5s', 'shutdown_timeout: 30s'),
    `workers: ${workers}`);
    const clients = await Promise.all(Array.from({ length: 300 }, () => idleClient(t, oxbow)));
    const began = Date.now();
    oxbow.signal('SIGTERM');
    await within(60000, 'its end', oxbow.exited);
    await until(10000, 'all are closed', () => clients.every((client) => client.closedAt));
    assert.equal(clients.filter((client) => client.reset).length, 0);
    const tenths = Array(10).fill(0);
    for (const { closedAt } of clients)
      ++tenths[Math.min(9, Math.floor((closedAt - began) / 2000))];
    t.diagnostic(tenths.join(' '));
    assert.ok(Math.max(...tenths) <= 60, `${tenths}`);  // 20 % of 300
  });

test('who asks meanwhile is answered, and told to go', async (t) => {
  const { oxbow } = await start(t, (yaml) => yaml.replace('drain_spread: 0s',
    'drain_spread: 1h').replace('shutdown_timeout: 5s', 'shutdown_timeout: 1h'));
  const clients = await Promise.all(Array.from({ length: 20 }, () => idleClient(t, oxbow)));
  oxbow.signal('SIGTERM');
  await until(10000, 'listeners are closed', async () => (await ask(oxbow.url)).error
    === 'ECONNREFUSED');
  await Promise.all(clients.map((client) => client.ask()));
  for (const { text } of clients) assert.match(text, /^Connection: close\r$/mi);
  assert.deepEqual(await within(20000, 'its end', oxbow.exited), { code: 0, signal: null });
  assert.equal(clients.filter((client) => client.reset).length, 0);
});

for (const workers of [1, 2])
  test(`who waits in the backlog is served before listeners close: ${workers} workers`,
    async (t) => {
      const { oxbow } = await start(t, (yaml) => yaml.replace('shutdown_timeout: 5s',
        'shutdown_timeout: 60s'), `workers: ${workers}`);
      // Stopped, it accepts nobody: the kernel takes them, and their requests.
      oxbow.signal('SIGSTOP');
      const waiting = Array.from({ length: 200 }, () => {
        const socket = net.connect(oxbow.port, '127.0.0.1');
        atEnd(t, () => socket.destroy());
        const client = { text: '', connected: false, ended: false, reset: false };
        socket.on('connect', () => {
          client.connected = true;
          socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        });
        socket.on('data', (bytes) => { client.text += bytes.toString('latin1'); });
        socket.on('error', () => { client.reset = true; });
        socket.on('close', () => { client.ended = true; });
        return client;
      });
      await until(20000, 'all wait', () => waiting.every((client) => client.connected));
      oxbow.signal('SIGTERM');
      oxbow.signal('SIGCONT');
      await until(20000, 'all are done', () => waiting.every((client) => client.ended));
      assert.deepEqual(waiting.filter((client) => client.reset || !client.text.endsWith('done\n')),
        []);
      // Who was answered before a worker heard of the drain was not told to go, and idle then.
      assert.deepEqual(await within(20000, 'its end', oxbow.exited), { code: 0, signal: null });
    });

test('a client that goes on sending behind its answer reads all of it', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('n'.repeat(100000)));
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let got = 0;
  let reset = false;
  socket.on('error', () => { reset = true; });
  socket.on('data', (bytes) => { got += bytes.length; });
  const ended = new Promise((done) => socket.on('close', done));
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  socket.write('b'.repeat(200000));
  await within(20000, 'its end', ended);
  assert.equal(reset, false);
  assert.ok(got > 100000, `${got} bytes`);
});
