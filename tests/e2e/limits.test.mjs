// What a user sets is exact, and slow clients do not spend it.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Process, atEnd, proxyTo, sleep, startOxbow, until } from './harness.mjs';
import { countMost, echoNonce, startOrigin } from './origin.mjs';

const get = (url, agent, headers = {}) => new Promise((done, failed) => {
  const request = http.get(url, { agent, headers }, (response) => {
    let text = '';
    response.on('data', (piece) => { text += piece; });
    response.on('end', () =>
      done({ status: response.statusCode, headers: response.headers, text }));
    response.on('error', failed);
  });
  request.on('error', failed);
});

async function load(oxbow, clients, requests) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  let next = 0;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (next < requests) {
      const nonce = String(next++);
      const { status, text } = await get(oxbow.url, agent, { 'X-Nonce': nonce });
      assert.equal(status, 200);
      assert.equal(text, `GET ${nonce}\n`);
    }
  }));
  agent.destroy();
}

test('max_conns: 10 is ten connections for 10,000 requests of 100 clients', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { upstream: `
    max_conns: 10
    keepalive: 10
    keepalive_requests: 1000000` }));
  await load(oxbow, 100, 10000);
  assert.equal(origin.requests, 10000);
  assert.equal(origin.connections.opened, 10);
  assert.equal(origin.connections.most, 10);
});

test('max_total_conns: 5 holds over three servers', async (t) => {
  const origins = await Promise.all([1, 2, 3].map(() => startOrigin(t)));
  const most = countMost(origins.map((origin) => origin.server), () =>
    origins.reduce((sum, origin) => sum + origin.connections.open.size, 0));
  const servers = origins.map((origin) => origin.address).join('", "');
  const oxbow = await startOxbow(t, proxyTo(servers, { upstream: 'max_total_conns: 5' }));
  await load(oxbow, 50, 5000);
  assert.equal(origins.reduce((sum, origin) => sum + origin.requests, 0), 5000);
  assert.equal(most.value, 5);
  for (const origin of origins) assert.ok(origin.requests > 0);
});

test('keepalive_requests: 100 retires a connection after exactly 100', async (t) => {
  const perSocket = new Map();
  const origin = await startOrigin(t, (request, response) => {
    perSocket.set(request.socket, (perSocket.get(request.socket) ?? 0) + 1);
    echoNonce(request, response);
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { upstream: `
    max_conns: 1
    keepalive_requests: 100` }));
  await load(oxbow, 10, 1000);
  assert.deepEqual([...perSocket.values()], Array(10).fill(100));
});

test('a full queue is a 503 at once, a late one after its time', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { upstream: `
    max_conns: 2
    queue: { size: 3, timeout: 10s }` }));
  const agent = new http.Agent();
  const started = Date.now();
  const ended = [];
  const requests = Array.from({ length: 8 }, async () => {
    const { status, headers } = await get(oxbow.url, agent);
    ended.push({ status, after: Date.now() - started, says: headers['proxy-status'],
      retry: headers['retry-after'] });
  });
  await until(60000, 'three refused and three late', () => ended.length === 6);
  for (const { status, says, retry } of ended) {
    assert.equal(status, 503);
    assert.match(says, /^oxbow; error=connection_limit_reached/);
    assert.equal(retry, '1');
  }
  assert.ok(ended.slice(0, 3).every(({ after }) => after < 9000), JSON.stringify(ended));
  assert.ok(ended.slice(3).every(({ after }) => after >= 9990),
    JSON.stringify(ended));
  for (const response of held) response.end();
  await Promise.all(requests);
  assert.equal(ended.filter(({ status }) => status === 200).length, 2);
  assert.equal(origin.requests, 2);
  assert.equal(origin.connections.opened, 2);
});

// A client with a receive buffer of 4 KiB that takes 1 KiB a second. Node cannot set the buffer.
const slowClient = fileURLToPath(new URL('slow_client.py', import.meta.url));

async function beside(t, size, queueTime) {
  let answered = 0;
  const origin = await startOrigin(t, (request, response) => {
    response.end('x'.repeat(request.url === '/slow' ? size : 66));
    ++answered;
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream: `max_conns: 1\nqueue: { size: 10, timeout: ${queueTime} }`,
    listener: 'sndbuf: 4k',
  }));
  const client = new Process('python3', [slowClient, String(oxbow.port), '/slow']);
  atEnd(t, () => {
    client.signal('SIGKILL');
    return client.finish(5000);
  });
  await until(10000, 'the slow request', () => answered === 1);
  await until(10000, 'its first bytes', () => client.stdout.includes('\n'));
  await sleep(100);
  const { status } = await get(`${oxbow.url}/`, new http.Agent());
  const taken = Number(client.stdout.trim().split('\n').at(-1));
  assert.ok(client.running && taken < size / 4, `it has ${taken} bytes by now`);
  return { status, opened: origin.connections.opened };
}

test('a client that reads 1 KiB a second holds no connection for a 60 KB response', async (t) => {
  // The slow one takes a minute.
  const { status, opened } = await beside(t, 60000, '20s');
  assert.equal(status, 200);
  assert.equal(opened, 1);
});

test('what does not fit into the read-ahead does hold it: memory is bounded', async (t) => {
  const { status, opened } = await beside(t, 20e6, '3s');
  assert.equal(status, 503);
  assert.equal(opened, 1);
});
