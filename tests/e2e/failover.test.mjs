// Servers that fail: max_fails and fail_timeout, backup, down.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { atEnd, freePort, sleep, startOxbow, until } from './harness.mjs';
import { ask, reload, upstreamOf } from './observe.mjs';
import { startOrigin } from './origin.mjs';

const yaml = (servers, { upstream = '' } = {}) => `
shutdown_timeout: 5s
drain_spread: 0s
admin: { listen: 127.0.0.1:0 }
workers: 1  # each takes its turns by itself
upstreams:
  app:
    servers: [ ${servers.join(', ')} ]
${upstream.trim().split('\n').map((line) => `    ${line.trim()}\n`).join('')}
listeners:
  - listen: 127.0.0.1:0
    routes: [ { proxy_pass: app } ]
`;

const named = (t, name) => startOrigin(t, (request, response) => response.end(name));

// Accepts, and answers nothing.
async function silent(t) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
    server.requests += 1;
  });
  server.requests = 0;
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

const endpoint = async (oxbow, port) => (await upstreamOf(oxbow)).endpoints
  .find((each) => each.address === `127.0.0.1:${port}`);

async function answers(oxbow, count) {
  const bodies = [];
  for (let i = 0; i < count; ++i) {
    const { status, body } = await ask(oxbow.url);
    bodies.push(status === 200 ? body : String(status));
  }
  return bodies;
}

test('a server that does not answer costs one request, then it is avoided', async (t) => {
  const dead = await silent(t);
  const alive = await named(t, 'alive');
  const { port } = dead.address();
  const oxbow = await startOxbow(t, yaml([
    `{ server: 127.0.0.1:${port}, fail_timeout: 1h }`, alive.address],
  { upstream: 'read_timeout: 1s' }));
  const bodies = await answers(oxbow, 40);
  assert.equal(bodies.filter((body) => body === '504').length, 1, bodies.join(' '));
  assert.equal(bodies.filter((body) => body === 'alive').length, 39);
  const { avoided_s: left } = await endpoint(oxbow, port);
  assert.ok(left > 3000 && left <= 3600, `${left} s left`);
  const { body } = await ask(`${oxbow.adminUrl}/metrics`);
  const times = [...body.matchAll(/^oxbow_endpoint_avoided_total\{.*endpoint="(.*?)"\} (\d+)$/gm)]
    .map(([, address, count]) => [address, count]);
  assert.deepEqual(Object.fromEntries(times),
    { [`127.0.0.1:${port}`]: '1', [alive.address]: '0' });
});

test('max_fails: 3 takes three, max_fails: 0 never ends', async (t) => {
  for (const [maxFails, failures] of [[3, 3], [0, 10]]) {
    const dead = await silent(t);
    const alive = await named(t, 'alive');
    const oxbow = await startOxbow(t, yaml([
      `{ server: 127.0.0.1:${dead.address().port}, max_fails: ${maxFails}, fail_timeout: 1h }`,
      alive.address], { upstream: 'read_timeout: 1s\nbalance: round_robin' }));
    const bodies = await answers(oxbow, 20);
    assert.equal(bodies.filter((body) => body === '504').length, failures, bodies.join(' '));
  }
});

test('with one server failures are not counted', async (t) => {
  const dead = await silent(t);
  const oxbow = await startOxbow(t, yaml([`127.0.0.1:${dead.address().port}`],
    { upstream: 'read_timeout: 1s' }));
  assert.deepEqual(await answers(oxbow, 3), ['504', '504', '504']);
  assert.equal((await endpoint(oxbow, dead.address().port)).avoided_s, null);
  assert.equal(dead.requests, 3);
});

test('when all are avoided the first of them are better than none', async (t) => {
  const servers = [await silent(t), await silent(t)];
  const oxbow = await startOxbow(t, yaml(servers.map((server) =>
    `{ server: 127.0.0.1:${server.address().port}, fail_timeout: 1h }`),
  { upstream: 'read_timeout: 1s' }));
  assert.deepEqual(await answers(oxbow, 6), Array(6).fill('504'));
});

test('behind fail_timeout one request is the trial; what succeeds is used again', async (t) => {
  let ill = true;
  const first = await startOrigin(t, (request, response) => {
    if (!ill) response.end('first');
  });
  const second = await named(t, 'second');
  const oxbow = await startOxbow(t, yaml([
    `{ server: ${first.address}, fail_timeout: 1s }`, second.address],
  { upstream: 'read_timeout: 1s' }));
  const before = await answers(oxbow, 10);
  assert.equal(before.filter((body) => body === '504').length, 1, before.join(' '));
  await until(15000, 'a trial fails', async () => (await answers(oxbow, 2)).includes('504'));
  ill = false;
  await until(15000, 'it serves again', async () => (await answers(oxbow, 2)).includes('first'));
  await until(15000, 'it is not avoided', async () =>
    (await endpoint(oxbow, first.port)).avoided_s === null);
  const bodies = await answers(oxbow, 20);
  assert.equal(bodies.filter((body) => body === 'first').length, 10, bodies.join(' '));
});

test('a server that refuses fails no request, and is not tried for fail_timeout', async (t) => {
  const port = await freePort();
  const alive = await named(t, 'alive');
  const oxbow = await startOxbow(t, yaml([
    `{ server: 127.0.0.1:${port}, fail_timeout: 1h }`, alive.address],
  { upstream: 'keepalive: 0' }));
  assert.deepEqual(await answers(oxbow, 20), Array(20).fill('alive'));
  assert.equal((await endpoint(oxbow, port)).connect_failed, 1);
  await sleep(1500);  // longer than any back-off
  assert.deepEqual(await answers(oxbow, 20), Array(20).fill('alive'));
  assert.equal((await endpoint(oxbow, port)).connect_failed, 1);
});

test('backup serves when no other can, and not before', async (t) => {
  const first = await named(t, 'first');
  const spare = await named(t, 'spare');
  const oxbow = await startOxbow(t, yaml([
    `{ server: ${first.address}, fail_timeout: 1s }`,
    `{ server: ${spare.address}, backup: on }`]));
  assert.deepEqual(await answers(oxbow, 20), Array(20).fill('first'));
  assert.equal((await endpoint(oxbow, spare.port)).backup, true);
  assert.equal(spare.connections.opened, 0);

  const { port } = first;
  await first.stop();
  assert.deepEqual(await answers(oxbow, 20), Array(20).fill('spare'));
  first.server.listen(port, '127.0.0.1');
  await until(20000, 'the first is back', async () =>
    (await answers(oxbow, 5)).every((body) => body === 'first'));
});

test('down: it is not used, and drains when that is loaded', async (t) => {
  const first = await named(t, 'first');
  const second = await named(t, 'second');
  const servers = (down) => yaml([
    `{ server: ${first.address}, down: ${down} }`, second.address]);
  const oxbow = await startOxbow(t, servers('on'));
  assert.deepEqual(await answers(oxbow, 10), Array(10).fill('second'));
  assert.equal(first.connections.opened, 0);
  await reload(oxbow, servers('off'));
  await until(10000, 'it serves', async () => (await answers(oxbow, 4)).includes('first'));
  await reload(oxbow, servers('on'));
  assert.deepEqual(await answers(oxbow, 10), Array(10).fill('second'));
  await until(10000, 'its connections close', () => first.connections.open.size === 0);
});

test('with every server down there is 503, which says so', async (t) => {
  const first = await named(t, 'first');
  const oxbow = await startOxbow(t, yaml([`{ server: ${first.address}, down: on }`]));
  const answer = await ask(oxbow.url);
  assert.equal(answer.status, 503);
  assert.match(answer.proxyStatus, /error=destination_unavailable/);
});
