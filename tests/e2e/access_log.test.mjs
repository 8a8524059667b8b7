// The access log: every line parses and says what the origin saw too.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { atEnd, curl, proxyTo, sleep, startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const kKeys = ['time', 'client', 'method', 'host', 'target', 'protocol', 'tls', 'status', 'upstream',
  'endpoint', 'upstream_status', 'reused', 'connection_age_ms', 'connection_requests', 'tries',
  'replayed', 'wait_ms', 'connect_ms', 'first_byte_ms', 'total_ms', 'request_bytes',
  'response_bytes', 'error', 'detail', 'request_id', 'user_agent', 'referer'];

const linesOf = (text) => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));

const linesOnStdout = (oxbow, count) => until(10000, `${count} lines`, () => {
  const lines = linesOf(oxbow.stdout);
  return lines.length >= count && lines;
});

const linesInFile = (file, count) => until(10000, `${count} lines in ${file}`, () => {
  const lines = fs.existsSync(file) ? linesOf(fs.readFileSync(file, 'utf8')) : [];
  return lines.length >= count && lines;
});

test('each request is a line with all fields, and the request id of the origin', async (t) => {
  const ids = [];
  const origin = await startOrigin(t, (request, response) => {
    ids.push(request.headers['x-request-id']);
    request.resume();
    request.on('end', () => setTimeout(() => response.end('0123456789'), 50));
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: 'access_log: { path: stdout, format: json }',
  }));
  const began = Date.now();  // upper bounds below tell units, not speed
  await curl(['-A', 'tester "1"', '-e', 'http://from/', `${oxbow.url}/a?b=c`]);
  await sleep(100);
  await curl(['--data-binary', 'seven b', '-H', 'X-Request-Id: my-own.id', `${oxbow.url}/post`]);
  await curl(['--http1.0', '-I', `${oxbow.url}/head`]);
  const lines = await linesOnStdout(oxbow, 3);
  for (const line of lines) assert.deepEqual(Object.keys(line), kKeys);
  assert.deepEqual(lines.map((line) => line.request_id), ids);
  assert.equal(ids[1], 'my-own.id');
  assert.match(ids[0], /^[0-9a-f]{32}$/);

  const [first, second, third] = lines;
  const { time, connection_age_ms, wait_ms, connect_ms, first_byte_ms, total_ms, ...rest } = first;
  assert.deepEqual(rest, {
    client: '127.0.0.1', method: 'GET', host: `127.0.0.1:${oxbow.port}`, target: '/a?b=c',
    protocol: 'HTTP/1.1', tls: null, status: 200, upstream: 'app', endpoint: origin.address,
    upstream_status: 200, reused: false, connection_requests: 0, tries: 1, replayed: false,
    request_bytes: 0, response_bytes: 10, error: null, detail: null, request_id: ids[0],
    user_agent: 'tester "1"', referer: 'http://from/',
  });
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Date.parse(time) >= began - 1 && Date.parse(time) <= Date.now(), time);
  assert.ok(connection_age_ms < 10000);
  assert.ok(connect_ms > 0 && connect_ms < 10000 && wait_ms >= connect_ms / 2 && wait_ms < 10000);
  assert.ok(first_byte_ms >= 48 && first_byte_ms < 20000);
  assert.ok(total_ms >= first_byte_ms && total_ms < 40000);

  assert.equal(second.reused, true);
  assert.equal(second.connection_requests, 1);
  assert.ok(second.connection_age_ms >= 145 && second.connection_age_ms < 60000);
  assert.equal(second.request_bytes, 7);
  assert.equal(second.connect_ms, 0);
  assert.equal(third.protocol, 'HTTP/1.0');
  assert.equal(third.method, 'HEAD');
  assert.equal(third.response_bytes, 0);
  assert.equal(third.connection_requests, 2);
  assert.equal(origin.connections.opened, 1);
});

// A client that resets its connection when its request is `there`.
async function leave(oxbow, target, there) {
  const socket = net.connect(oxbow.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nHost: leaver\r\n\r\n`);
  await until(10000, 'the request at the origin', there);
  socket.resetAndDestroy();
}

test('what went wrong has its token', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/cut') {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('only this');
      setTimeout(() => request.socket.destroy(), 20);
    } else if (request.url === '/dies') {
      request.socket.destroy();
    }  // /silent gets nothing
  });
  const address = origin.address;
  const oxbow = await startOxbow(t, proxyTo(address, {
    upstream: 'read_timeout: 4s',
    listener: 'access_log: { path: stdout }',
  }));
  assert.equal((await curl([`${oxbow.url}/dies`])).status, 502);
  assert.equal((await curl([`${oxbow.url}/silent`])).status, 504);
  assert.equal((await curl([`${oxbow.url}/cut`])).code, 18);  // a partial file
  await leave(oxbow, '/silent', () => origin.requests === 4);
  await linesOnStdout(oxbow, 4);
  await origin.stop();
  assert.equal((await curl([`${oxbow.url}/refused`])).status, 502);
  const lines = await linesOnStdout(oxbow, 5);
  const figures = lines.map(({ target, status, upstream_status, error, endpoint, tries }) =>
    ({ target, status, upstream_status, error, endpoint, tries }));
  const at = (endpoint) => ({ endpoint, tries: 1 });
  assert.deepEqual(figures, [
    { target: '/dies', status: 502, upstream_status: null, error: 'connection_terminated',
      ...at(address) },
    { target: '/silent', status: 504, upstream_status: null, error: 'connection_read_timeout',
      ...at(address) },
    { target: '/cut', status: 200, upstream_status: 200, error: 'http_response_incomplete',
      ...at(address) },
    { target: '/silent', status: null, upstream_status: null, error: 'client_gone',
      ...at(address) },
    { target: '/refused', status: 502, upstream_status: null, error: 'connection_refused',
      ...at(address) },
  ]);
});

test('tries, their endpoint and the wait are told, whatever came of them', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('ok');
  });
  const dead = await startOrigin(t);
  const deadAddress = dead.address;
  await dead.stop();
  const oxbow = await startOxbow(t, proxyTo(`${deadAddress}", "${origin.address}`, {
    upstream: 'max_total_conns: 1\nqueue: { timeout: 3s }',
    listener: 'access_log: { path: stdout }',
  }));
  // Round robin begins with the first, which refuses.
  const first = curl([`${oxbow.url}/held`]);
  await until(10000, 'the request at the origin', () => held.length === 1);
  assert.equal((await curl([`${oxbow.url}/late`])).status, 503);
  held[0].end('ok');
  assert.equal((await first).status, 200);
  const lines = await linesOnStdout(oxbow, 2);
  const held200 = lines.find(({ target }) => target === '/held');
  assert.equal(held200.tries, 2);
  assert.equal(held200.endpoint, origin.address);
  const late = lines.find(({ target }) => target === '/late');
  assert.deepEqual({ error: late.error, endpoint: late.endpoint, tries: late.tries },
    { error: 'connection_limit_reached', endpoint: null, tries: 0 });
  assert.ok(late.wait_ms >= 2995 && late.wait_ms < 60000, `${late.wait_ms} ms`);
});

// What the refusal of `bytes` leaves in the log.
async function refused(oxbow, count, bytes) {
  const socket = net.connect(oxbow.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write(bytes);
  const lines = await linesOnStdout(oxbow, count);
  socket.destroy();
  const { method, target, protocol, status } = lines[count - 1];
  return { method, target, protocol, status };
}

test('of a refused request the log has the first line, if that was right', async (t) => {
  const oxbow = await startOxbow(t, proxyTo('127.0.0.1:1', {
    listener: 'access_log: { path: stdout }\nmax_headers: 2\nclient_header_timeout: 1s',
  }));
  const nothing = { method: null, target: null, protocol: null };
  assert.deepEqual(await refused(oxbow, 1, 'garbage\r\n\r\n'), { ...nothing, status: 400 });
  assert.deepEqual(await refused(oxbow, 2, 'GET /cut HT'), { ...nothing, status: 408 });
  assert.deepEqual(await refused(oxbow, 3, '\r\nPUT /a?b HTTP/1.0\r\nX: \x01\r\n\r\n'),
    { method: 'PUT', target: '/a?b', protocol: 'HTTP/1.0', status: 400 });
  assert.deepEqual(await refused(oxbow, 4, 'GET /m HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\n\r\n'),
    { method: 'GET', target: '/m', protocol: 'HTTP/1.1', status: 431 });
  assert.deepEqual(await refused(oxbow, 5, 'GET /late HTTP/1.1\r\nHost: a\r\n'),
    { method: 'GET', target: '/late', protocol: 'HTTP/1.1', status: 408 });
});

test('without a connection nothing is told of one', async (t) => {
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ 127.0.0.1:1 ] } }
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: stdout }
    routes: [ { location: /own, return: 204 }, { proxy_pass: app } ]
`);
  assert.equal((await curl([`${oxbow.url}/own`])).status, 204);
  assert.equal((await curl([`${oxbow.url}/refused`])).status, 502);
  const [own, none] = await linesOnStdout(oxbow, 2);
  for (const key of ['reused', 'connection_age_ms', 'connection_requests', 'connect_ms',
    'first_byte_ms']) {
    assert.equal(own[key], null, key);
    assert.equal(none[key], null, key);
  }
  assert.equal(own.wait_ms, null);
  assert.ok(none.wait_ms >= 0);
  assert.deepEqual([own.tries, none.tries], [0, 1]);
});

test('no name or value breaks a line', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end());
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: 'access_log: { path: stdout }',
  }));
  const agent = new http.Agent({ keepAlive: true });
  atEnd(t, () => agent.destroy());
  const agents = ['"', '\\', '\\"', 'a\tb', '\u00e9\u00ff', '</script>', '{"a":1}',
    'x'.repeat(1000)];
  for (const userAgent of agents) {
    await new Promise((done, failed) => {
      const headers = { 'User-Agent': Buffer.from(userAgent).toString('latin1') };
      http.get(`${oxbow.url}/%22%0a`, { agent, headers }, (response) => {
        response.resume();
        response.on('end', done);
      }).on('error', failed);
    });
  }
  const lines = await linesOnStdout(oxbow, agents.length);
  assert.deepEqual(lines.map((line) => line.user_agent), agents.map((text) => text.slice(0, 256)));
  for (const line of lines) assert.equal(line.target, '/%22%0a');
});

test('5,000 requests in a row are 5,000 lines in order', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const file = path.join(tempDir(t), 'access.log');
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream: 'keepalive_requests: 10000',
    listener: `access_log: { path: ${file}, format: json }`,
  }));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  atEnd(t, () => agent.destroy());
  for (let i = 0; i < 5000; ++i) {
    await new Promise((done, failed) => {
      http.get(`${oxbow.url}/${i}`, { agent }, (response) => {
        response.resume();
        response.on('end', done);
      }).on('error', failed);
    });
  }
  await oxbow.stop();
  const lines = linesOf(fs.readFileSync(file, 'utf8'));
  assert.deepEqual(lines.map((line) => line.target),
    Array.from({ length: 5000 }, (_, i) => `/${i}`));
  assert.ok(lines.slice(1).every((line) => line.reused));
  assert.equal(fs.statSync(file).mode & 0o777, 0o640 & ~process.umask());
});

test('SIGUSR1 opens a file anew that was moved away; no line is lost', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const file = path.join(tempDir(t), 'access.log');
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: `access_log: { path: ${file} }`,
  }));
  const agent = new http.Agent({ keepAlive: true });
  let sent = 0;
  let over = false;
  const client = async () => {
    while (!over) {
      await new Promise((done, failed) => {
        http.get(`${oxbow.url}/${sent++}`, { agent }, (response) => {
          response.resume();
          response.on('end', done);
        }).on('error', failed);
      });
    }
  };
  const clients = Array.from({ length: 8 }, client);
  const moved = [1, 2, 3].map((i) => `${file}.${i}`);
  for (const old of moved) {
    await linesInFile(file, 1);
    await sleep(150);
    fs.renameSync(file, old);
    oxbow.signal('SIGUSR1');
    await until(10000, 'the new file', () => fs.existsSync(file));
  }
  await linesInFile(file, 1);
  over = true;
  await Promise.all(clients);
  agent.destroy();
  await oxbow.stop();
  const targets = [...moved, file].flatMap((name) => linesOf(fs.readFileSync(name, 'utf8')))
    .map((line) => Number(line.target.slice(1)));
  assert.equal(targets.length, sent);
  assert.deepEqual(targets.sort((a, b) => a - b), Array.from({ length: sent }, (_, i) => i));
});

test('text format, and no log when it is off', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('0123456789'));
  const text = await startOxbow(t, proxyTo(origin.address, {
    listener: 'access_log: { path: stderr, format: text }',
  }));
  const off = await startOxbow(t, proxyTo(origin.address, { listener: 'access_log: off' }));
  await curl([`${off.url}/`]);
  await curl(['-A', 'me', `${text.url}/x`]);
  await until(10000, 'the line', () => text.stderr.includes('GET'));
  const time = String.raw`\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000`;
  assert.match(text.stderr, new RegExp(String.raw`^127\.0\.0\.1 - - \[${time}\] ` +
    String.raw`"GET /x HTTP/1\.1" 200 10 "-" "me" host="127\.0\.0\.1:${text.port}" ` +
    String.raw`upstream="app" endpoint="${origin.address}" upstream_status=200 reused=0 `, 'm'));
  await off.stop();
  assert.equal(off.stdout, '');
});
