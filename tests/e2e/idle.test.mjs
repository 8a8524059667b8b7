// What oxbow costs while nothing happens.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

import { atEnd, proxyTo, sanitized, sleep, startOxbow, until, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const kRequest = 'GET / HTTP/1.1\r\nHost: idle\r\n\r\n';

// Clients that have had one answer each and stay. Opened in small groups: the backlog has an end.
async function idleClients(t, oxbow, count) {
  const sockets = [];
  atEnd(t, () => sockets.forEach((socket) => socket.destroy()));
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(100, count - sockets.length) }, () =>
      new Promise((done, failed) => {
        const socket = net.connect(oxbow.port, '127.0.0.1');
        sockets.push(socket);
        socket.on('error', failed);
        socket.write(kRequest);
        socket.once('data', (bytes) => {
          assert.match(bytes.toString(), /^HTTP\/1\.1 200 /);
          done();
        });
      }));
    await within(20000, 'a group of clients', Promise.all(group));
  }
  return sockets;
}

// How often the threads of a process went to sleep, or were made to wait.
function switches(pid) {
  let sum = 0;
  for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
    const status = fs.readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]);
  }
  return sum;
}

// A second. In the best of some stretches: what a busy machine makes of locks and pages is not in
// all of them, what oxbow does by itself is.
async function checkWakeups(t, oxbow) {
  let least = Infinity;
  for (let i = 0; i < 5 && least > 2; ++i) {
    const before = { count: switches(oxbow.pid), at: Date.now() };
    await sleep(5000);
    const count = switches(oxbow.pid) - before.count;
    least = Math.min(least, count * 1000 / (Date.now() - before.at));
  }
  t.diagnostic(`${least} wake-ups a second`);
  assert.ok(least <= 2, `${least} wake-ups a second`);
}

// Once everything is at rest.
const costsAtMost = (t, oxbow, { before, count, bytes }) => {
  let each;
  return until(10000, `${bytes} bytes for each client`, () => {
    each = (oxbow.status('VmRSS') - before) * 1024 / count;
    return sanitized || each <= bytes;
  }).finally(() => t.diagnostic(`${each} bytes for each client`));
};

const descriptors = (oxbow) => fs.readdirSync(`/proc/${oxbow.pid}/fd`).length;

const upstream = 'keepalive_timeout: 10m';
const listener = 'keepalive_timeout: 10m\naccess_log: { path: stdout }';

test('an idle process wakes at most twice a second', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream, listener, top: 'admin: { listen: 127.0.0.1:0 }',
  }));
  await sleep(1000);
  await checkWakeups(t, oxbow);
});

test('200 idle clients and a pool do not change that', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { upstream, listener }));
  const sockets = await idleClients(t, oxbow, 200);
  assert.ok(origin.connections.open.size > 0);
  await sleep(2000);
  await checkWakeups(t, oxbow);
  assert.ok(sockets.every((socket) => !socket.destroyed));
});

test('an idle client costs at most 1 KiB', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream, listener: 'keepalive_timeout: 10m', top: 'worker_connections: 7000',
  }));
  const some = await idleClients(t, oxbow, 1000);
  await sleep(300);
  const before = oxbow.status('VmRSS');
  const more = await idleClients(t, oxbow, 5000);
  await costsAtMost(t, oxbow, { before, count: 5000, bytes: 1024 });

  // They are all still served, over a pool that did not grow with them.
  const again = [...some.slice(0, 100), ...more.slice(-100)].map((socket) =>
    new Promise((done) => {
      socket.once('data', done);
      socket.write(kRequest);
    }));
  await within(20000, 'second answers', Promise.all(again));
  assert.equal(origin.requests, 6200);
  assert.ok(origin.connections.most <= 200, `${origin.connections.most} upstream`);
});

test('5,000 clients that say nothing yet cost no more, and no upstream connection', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: 'client_header_timeout: 10m',
  }));
  const sockets = [];
  atEnd(t, () => sockets.forEach((socket) => socket.destroy()));
  const open = async (count) => {
    for (let i = 0; i < count; i += 100) {
      await within(20000, 'clients', Promise.all(Array.from({ length: 100 }, () =>
        new Promise((done, failed) => {
          const socket = net.connect(oxbow.port, '127.0.0.1', done);
          socket.on('error', failed);
          sockets.push(socket);
        }))));
    }
    await until(20000, 'all accepted', () => descriptors(oxbow) > sockets.length);
    await sleep(300);
  };
  await open(1000);
  const before = oxbow.status('VmRSS');
  await open(5000);
  await costsAtMost(t, oxbow, { before, count: 5000, bytes: 1024 });
  assert.equal(origin.connections.opened, 0);
});
