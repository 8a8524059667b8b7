// Node's own agent, axios and undici as clients. Every response must carry its own nonce, whatever
// shares its connection.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import axios from 'axios';
import { Agent, Pool, fetch } from 'undici';

import { atEnd, proxyTo, sleep, startOxbow, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';

// A nonce, repeated up to a size: a byte from another response shows wherever it stands.
const fill = (nonce, size) => nonce.repeat(Math.ceil(size / nonce.length)).slice(0, size);

// The path says how the answer goes: /length/SIZE, /chunked/SIZE, /late/MS, /empty, /echo.
async function answer(request, response) {
  const nonce = request.headers['x-nonce'];
  const [, kind, figure] = request.url.split('/');
  const body = [];
  for await (const piece of request) body.push(piece);
  response.setHeader('X-Nonce', nonce);
  if (kind === 'empty') response.writeHead(204);
  if (kind === 'length') response.setHeader('Content-Length', figure);
  if (kind === 'late') await sleep(Number(figure));
  if (kind === 'chunked') {
    const text = fill(nonce, Number(figure));
    for (let i = 0; i < text.length; i += 1000) response.write(text.slice(i, i + 1000));
  }
  if (kind === 'length') response.end(fill(nonce, Number(figure)));
  else if (kind === 'echo') response.end(Buffer.concat(body));
  else response.end(kind === 'late' ? nonce : '');
}

// What a client asks for the i-th time: { method, path, body, expected }.
function question(i, nonce) {
  const get = (path, expected) => ({ method: 'GET', path, expected });
  switch (i % 8) {
    case 0: return get('/length/66', fill(nonce, 66));
    case 1: return get('/chunked/3500', fill(nonce, 3500));
    case 2: return get('/empty', '');
    case 3: return { method: 'HEAD', path: '/length/66', expected: '' };
    case 4: return { method: 'POST', path: '/echo', body: fill(nonce, 300), expected: fill(nonce, 300) };
    case 5: return get('/length/0', '');
    case 6: return get(`/late/${i % 5}`, nonce);
    default: return i % 80 === 7
      ? { method: 'PUT', path: '/echo', body: fill(nonce, 90000), expected: fill(nonce, 90000) }
      : get('/length/5000', fill(nonce, 5000));
  }
}

// `count` questions by `lanes` at once. `ask(question, headers)` gives { status, nonce, text }.
async function askAll(client, count, lanes, ask) {
  let next = 0;
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (next < count) {
      const i = next++;
      const nonce = `${client}-${i}.`;
      const asked = question(i, nonce);
      const { status, nonce: answered, text } = await ask(asked, { 'X-Nonce': nonce }).catch(e=>{console.log(client,i,asked.method,asked.path,e.code,e.socket, e.stack);process.exit(1)});
      const what = `${asked.method} ${asked.path} ${nonce}`;
      assert.equal(status, asked.path === '/empty' ? 204 : 200, what);
      assert.equal(answered, nonce, what);
      assert.ok(text === asked.expected, `${what}: another body, ${text.length} bytes`);
    }
  }));
}

async function start(t, upstream) {
  const origin = await startOrigin(t, answer);
  return { origin, oxbow: await startOxbow(t, proxyTo(origin.address, { upstream })) };
}

function byNode(agent, url) {
  return ({ method, path, body }, headers) => new Promise((done, failed) => {
    const request = http.request(url + path, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => { text += piece; });
      response.on('end', () =>
        done({ status: response.statusCode, nonce: response.headers['x-nonce'], text }));
      response.on('error', failed);
    });
    request.on('error', failed);
    request.end(body);
  });
}

test('all of them at once share the connections of one pool', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 6');
  const agent = new http.Agent({ keepAlive: true });
  const pool = new Pool(oxbow.url, { connections: 4, pipelining: 4 });
  atEnd(t, () => { agent.destroy(); return pool.destroy(); });
  await Promise.all([
    askAll('a', 1500, 10, byNode(agent, oxbow.url)),
    askAll('b', 1500, 16, async ({ method, path, body }, headers) => {
      const response = await pool.request({ method, path, body, headers });
      const text = await response.body.text();
      return { status: response.statusCode, nonce: response.headers['x-nonce'], text };
    }),
  ]);
  assert.equal(origin.requests, 3000);
  assert.ok(origin.connections.most <= 6);
});

