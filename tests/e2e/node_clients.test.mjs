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
  const post = (body) => ({ method: 'POST', path: '/echo', body, expected: body });
  switch (i % 8) {
    case 0: return get('/length/66', fill(nonce, 66));
    case 1: return get('/chunked/3500', fill(nonce, 3500));
    case 2: return get('/empty', '');
    case 3: return { method: 'HEAD', path: '/length/66', expected: '' };
    case 4: return post(fill(nonce, 300));
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
      const { status, nonce: answered, text } = await ask(asked, { 'X-Nonce': nonce });
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

test('http.Agent with keepAlive: 4,000 requests, 32 at once', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 8');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  atEnd(t, () => agent.destroy());
  await askAll('agent', 4000, 32, byNode(agent, oxbow.url));
  assert.equal(origin.requests, 4000);
  assert.ok(origin.connections.most <= 8, `${origin.connections.most} at once`);
  assert.ok(origin.connections.opened <= 16, `${origin.connections.opened} opened`);
});

test('http.Agent without keepAlive: 1,000 requests over few upstream connections', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 8');
  const agent = new http.Agent({ keepAlive: false, maxSockets: 16 });
  await askAll('closing', 1000, 16, byNode(agent, oxbow.url));
  assert.equal(origin.requests, 1000);
  assert.ok(origin.connections.opened <= 16, `${origin.connections.opened} opened`);
});

test('axios: 2,000 requests, 20 at once', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 5');
  const httpAgent = new http.Agent({ keepAlive: true });
  atEnd(t, () => httpAgent.destroy());
  const client = axios.create({
    baseURL: oxbow.url, httpAgent, proxy: false, responseType: 'text', transformResponse: (x) => x,
  });
  await askAll('axios', 2000, 20, async ({ method, path, body }, headers) => {
    const response = await client.request({ method, url: path, data: body, headers });
    return { status: response.status, nonce: response.headers['x-nonce'], text: response.data };
  });
  assert.equal(origin.requests, 2000);
  assert.ok(origin.connections.most <= 5);
});

test('undici Pool, 10 requests pipelined on each connection: 6,000 requests', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 8');
  const pool = new Pool(oxbow.url, { connections: 8, pipelining: 10 });
  atEnd(t, () => pool.destroy());
  await askAll('undici', 6000, 80, async ({ method, path, body }, headers) => {
    const response = await pool.request({ method, path, body, headers });
    return {
      status: response.statusCode,
      nonce: response.headers['x-nonce'],
      text: await response.body.text(),
    };
  });
  assert.equal(origin.requests, 6000);
  assert.ok(origin.connections.most <= 8);
});

test('1,000 requests written at once on one connection are answered in order', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 4');
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  const count = 1000;
  const requests = Array.from({ length: count }, (_, i) => {
    const { method, path, body = '' } = question(i % 8 === 3 ? 0 : i, `p${i}.`);
    return `${method} ${path} HTTP/1.1\r\nHost: p\r\nX-Nonce: p${i}.\r\n` +
      `${method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`}\r\n${body}`;
  });
  socket.write(requests.join(''));
  const nonces = [];
  let text = '';
  await within(30000, 'all answers', new Promise((done, failed) => {
    socket.on('error', failed);
    socket.on('close', () => failed(new Error(`closed behind ${nonces.length}`)));
    socket.on('data', (bytes) => {
      text += bytes;
      nonces.push(...[...text.matchAll(/^x-nonce: (\S+)\r$/gmi)].map((match) => match[1]));
      // A field name that came in part is left for the next piece.
      text = text.slice(text.lastIndexOf('\n') + 1);
      if (nonces.length === count) done();
    });
  }));
  assert.deepEqual(nonces, requests.map((_, i) => `p${i}.`));
  assert.equal(origin.requests, count);
});

test('fetch: 1,000 requests, 16 at once', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 4');
  const dispatcher = new Agent({ connections: 16 });
  atEnd(t, () => dispatcher.destroy());
  await askAll('fetch', 1000, 16, async ({ method, path, body }, headers) => {
    const response = await fetch(oxbow.url + path, { method, body, headers, dispatcher });
    return {
      status: response.status,
      nonce: response.headers.get('x-nonce'),
      text: await response.text(),
    };
  });
  assert.equal(origin.requests, 1000);
  assert.ok(origin.connections.most <= 4);
});

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

test('clients that leave in the middle spoil no response of others', async (t) => {
  const { origin, oxbow } = await start(t, 'max_conns: 4');
  const agent = new http.Agent({ keepAlive: true });
  atEnd(t, () => agent.destroy());
  let left = 0;
  const leaver = async () => {
    for (let i = 0; i < 200; ++i) {
      await new Promise((done) => {
        const request = http.get(`${oxbow.url}/chunked/200000`, {
          agent: false, headers: { 'X-Nonce': `leaver-${i}.` },
        });
        request.on('response', (response) => {
          response.on('error', () => {});
          if (i % 2 === 0) response.once('data', () => { ++left; request.destroy(); });
          else { ++left; request.destroy(); }
        });
        request.on('error', () => {});
        request.on('close', done);
      });
    }
  };
  await Promise.all([leaver(), askAll('stays', 2000, 8, byNode(agent, oxbow.url))]);
  assert.equal(left, 200);
  assert.ok(origin.connections.most <= 4);
});
