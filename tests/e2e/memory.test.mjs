// memory_limit: idle clients go first, then new requests are refused; what has begun finishes.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { MiB, atEnd, proxyTo, startOxbow, until, within } from './harness.mjs';
import { ask, metric } from './observe.mjs';
import { startOrigin } from './origin.mjs';

const top = 'admin: { listen: 127.0.0.1:0 }\nmemory_limit: 4m\nworkers: 1';

const closed = async (oxbow, reason) =>
  (await metric(oxbow, 'oxbow_listener_connections_ended_total'))[`reason="${reason}"`] ?? 0;

// Uploads that the server does not read: each holds what oxbow reads ahead.
function upload(t, oxbow, size) {
  const agent = new http.Agent();
  atEnd(t, () => agent.destroy());
  const result = {};
  result.done = new Promise((done) => {
    const request = http.request(oxbow.url, { method: 'POST', agent,
      headers: { 'Content-Length': size } }, (response) => {
      response.resume();
      response.on('end', () => done({ status: response.statusCode, headers: response.headers }));
      response.on('error', () => done({ status: 0 }));
    });
    request.on('error', (error) => done({ error: error.code }));
    request.end(Buffer.alloc(size));
  });
  return result;
}

test('G.6 idle clients go first, what is held is bounded, who was let in is served', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.method === 'GET') return response.end('small');
    held.push(() => {
      request.resume();
      request.on('end', () => response.end('done'));
    });
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top, upstream: `
    max_conns: 1000
    sndbuf: 16k` }));
  const idle = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => idle.destroy());
  let idleEnded = false;
  idle.on('close', () => { idleEnded = true; });
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await within(10000, 'an answer', new Promise((done) => idle.once('data', done)));

  const uploads = Array.from({ length: 200 }, () => upload(t, oxbow, MiB));
  await until(30000, 'idle clients go', () => idleEnded);
  assert.equal(await closed(oxbow, 'memory_pressure'), 1);
  assert.match(oxbow.stderr, /memory_limit is near/);
  const answers = uploads.map((each) => each.done);
  const goOn = setInterval(() => held.splice(0).forEach((resume) => resume()), 500);
  atEnd(t, () => clearInterval(goOn));
  const results = await within(60000, 'all of them', Promise.all(answers));
  const refused = results.filter((each) => each.status === 503);
  const served = results.filter((each) => each.status === 200);
  t.diagnostic(`${served.length} served, ${refused.length} refused`);
  // A refused upload may also see its connection reset behind the answer that it did not read.
  assert.equal(results.filter((each) => each.status !== 503 && each.status !== 200
    && each.error === undefined).length, 0);
  assert.ok(served.length > 0);
  await until(20000, 'all is well again', async () => (await ask(oxbow.url)).status === 200);
});

test('G.6 at the limit new requests get 503, and the admin address answers', async (t) => {
  // What a request of this size takes is more than the limit leaves.
  const origin = await startOrigin(t, (request) => request.resume());
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top: top.replace('4m', '1m'), upstream: 'max_conns: 1000' }));
  const waiting = [];
  const full = async () => {
    const socket = net.connect(oxbow.port, '127.0.0.1');
    atEnd(t, () => socket.destroy());
    const client = { text: '' };
    socket.on('data', (bytes) => { client.text += bytes.toString('latin1'); });
    socket.on('error', () => {});
    const field = `X-Filler: ${'f'.repeat(7000)}\r\n`;
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}${field}\r\n`);
    waiting.push(client);
    return waiting.some(({ text }) => text !== '');
  };
  await until(30000, 'one is refused', full);
  const answer = waiting.find(({ text }) => text !== '');
  await until(10000, 'its answer', () => answer.text.includes('memory_limit'));
  assert.match(answer.text, /^HTTP\/1\.1 503 /);
  assert.match(answer.text, /^Retry-After: 1\r$/mi);
  assert.match(answer.text, /^Connection: close\r$/mi);
  assert.match(answer.text, /error=proxy_internal_error/);
  assert.ok(waiting.length > 10, `${waiting.length} were let in`);
  assert.equal((await ask(`${oxbow.adminUrl}/healthz`)).status, 200);
  assert.equal(waiting.filter(({ text }) => text !== '' && !text.startsWith('HTTP/1.1 503')).length,
    0);
});

test('G.7 a body that there is no memory for costs its own request', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end('done'));
  });
  // The process may have 700 MB of addresses; 30 bodies of 60 MB are to be read before they go on.
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top: 'admin: { listen: 127.0.0.1:0 }\nworkers: 1',
    listener: 'client_body_buffer_size: 64m', upstream: 'replay_buffer: 1k' }),
  { under: ['prlimit', '--as=700000000'] });
  const size = 60 * MiB;
  // All but the last byte: nobody's memory comes back before everybody has asked for some.
  const clients = Array.from({ length: 30 }, () => {
    const client = { text: '', ended: false };
    client.socket = net.connect(oxbow.port, '127.0.0.1');
    atEnd(t, () => client.socket.destroy());
    client.socket.on('data', (bytes) => { client.text += bytes.toString('latin1'); });
    client.socket.on('error', () => {});
    client.socket.on('close', () => { client.ended = true; });
    client.socket.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\nx`);
    return client;
  });
  const refused = () => clients.filter(({ text }) => text.startsWith('HTTP/1.1 503 '));
  await until(30000, 'some are refused', () => refused().length > 15);
  for (const { text } of refused()) {
    assert.match(text, /^Connection: close\r$/mi);
    assert.match(text, /there is no memory for the request's body/);
  }
  assert.ok(oxbow.running);
  assert.equal((await ask(oxbow.url)).status, 200);
  // The others finish.
  const admitted = clients.filter((client) => !refused().includes(client) && !client.ended);
  assert.ok(admitted.length > 0);
  const [one] = admitted;
  one.socket.write(Buffer.alloc(size - 1));
  await until(60000, 'its answer', () => one.text.includes('done'));
  assert.match(one.text, /^HTTP\/1\.1 200 /);
});
