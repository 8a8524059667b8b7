// The admin address: what it tells equals what the origin counted.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { atEnd, curl, proxyTo, run, sleep, startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin, startSilentOrigin } from './origin.mjs';

const top = 'admin: { listen: 127.0.0.1:0 }';

const page = async (oxbow, target) => {
  const { status, text } = await curl([oxbow.adminUrl + target]);
  assert.equal(status, 200, target);
  return text;
};
const metricsOf = (oxbow) => page(oxbow, '/metrics');
const upstreamOf = async (oxbow) => JSON.parse(await page(oxbow, '/api/upstreams')).upstreams[0];

// The upstream when that many requests are over: they are counted behind the last byte that their
// clients got.
const upstreamBehind = (oxbow, count) => until(5000, `${count} requests counted`, async () => {
  const upstream = await upstreamOf(oxbow);
  const { '2xx': good } = upstream.requests;
  assert.ok(good <= count, `${good} requests counted`);
  return good === count && upstream.endpoints[0].active === 0 && upstream;
});

// The value of the only series whose name and labels match.
function value(metrics, name, ...labels) {
  const lines = metrics.split('\n').filter((line) =>
    line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
  assert.equal(lines.length, 1, `${name} ${labels}: ${lines.length} series`);
  return Number(lines[0].split(' ').at(-1));
}

async function ask(oxbow, count, lanes, options = {}) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });
  let left = count;
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (left-- > 0) {
      await new Promise((done, failed) => {
        http.request(oxbow.url, { agent, ...options }, (response) => {
          response.resume();
          response.on('end', done);
        }).on('error', failed).end();
      });
    }
  }));
  agent.destroy();
}

test('healthz, readyz, and 503 while it drains', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top, shutdown: '60s' }));
  assert.equal(await page(oxbow, '/healthz'), 'ok\n');
  assert.equal(await page(oxbow, '/readyz'), 'ready\n');
  const request = curl([oxbow.url]);
  await until(10000, 'the request', () => held.length === 1);
  oxbow.signal('SIGTERM');
  await until(3000, '503', async () => (await curl([`${oxbow.adminUrl}/readyz`])).status === 503);
  assert.equal(await page(oxbow, '/healthz'), 'ok\n');
  held[0].end('done');
  assert.equal((await request).text, 'done');
});

test('/api/upstreams and /metrics equal what the origin counted', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    setTimeout(() => response.end('0123456789'), 5);
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top, upstream: 'max_conns: 8\nkeepalive: 8\nkeepalive_requests: 150',
  }));
  await ask(oxbow, 3000, 20);
  assert.equal(origin.requests, 3000);
  const upstream = await upstreamBehind(oxbow, 3000);
  const seen = { requests: origin.requests, opened: origin.connections.opened };
  const metrics = await metricsOf(oxbow);
  const [endpoint] = upstream.endpoints;
  assert.equal(endpoint.address, origin.address);
  assert.equal(endpoint.opened, seen.opened);
  assert.equal(endpoint.connected, seen.opened);
  assert.equal(endpoint.acquired, seen.requests);
  assert.equal(endpoint.reused, seen.requests - seen.opened);
  assert.equal(endpoint.reuse_ratio, Number((endpoint.reused / endpoint.acquired).toFixed(4)));
  assert.equal(endpoint.idle, endpoint.opened - endpoint.closed.total);
  assert.equal(endpoint.active + endpoint.connecting, 0);
  assert.ok(endpoint.closed.keepalive_requests >= 12);
  assert.equal(upstream.queue.served, 3000);
  assert.equal(upstream.queue.waiting, 0);
  assert.equal(upstream.max_conns, 8);
  assert.ok(upstream.first_byte_ms.p50 >= 1.5 && upstream.first_byte_ms.p50 < 3000);
  await until(5000, 'closed ones gone at the origin', () =>
    origin.connections.open.size === endpoint.idle);

  const labels = ['upstream="app"', `endpoint="${origin.address}"`];
  assert.equal(value(metrics, 'oxbow_endpoint_connections_opened_total', ...labels), seen.opened);
  assert.equal(value(metrics, 'oxbow_endpoint_connections_reused_total', ...labels),
    endpoint.reused);
  assert.equal(value(metrics, 'oxbow_upstream_requests_total', 'code="2xx"'), 3000);
  assert.equal(value(metrics, 'oxbow_upstream_response_body_bytes_total'), 30000);
  assert.equal(value(metrics, 'oxbow_upstream_request_duration_seconds_count'), 3000);
});

test('every queued request is counted while it waits', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top, upstream: 'max_conns: 2' }));
  const requests = Array.from({ length: 7 }, () => curl([oxbow.url]));
  await until(20000, 'two at the origin, five in the queue', async () => {
    const { queue, endpoints: [{ active }] } = await upstreamOf(oxbow);
    return held.length === 2 && active === 2 && queue.waiting === 5;
  });
  assert.equal(value(await metricsOf(oxbow), 'oxbow_upstream_waiting'), 5);
  const answering = setInterval(() => held.splice(0).forEach((response) => response.end()), 5);
  for (const { status } of await Promise.all(requests)) assert.equal(status, 200);
  clearInterval(answering);
  assert.equal((await upstreamBehind(oxbow, 7)).queue.waiting, 0);
});

// Asks once in a while until three closes by the silent origin agree on its age, and `told` says
// so. A machine under load makes them differ now and then.
async function learnAge(oxbow, idleMs, told) {
  return until(200 * idleMs, 'a learned age', async () => {
    await ask(oxbow, 1, 1, { headers: { 'X-Nonce': 'n' } });
    await sleep(idleMs + 200);
    return told();
  });
}

test('closes by the server and the age learned from them show up', async (t) => {
  const origin = await startSilentOrigin(t, 400);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const endpoint = await learnAge(oxbow, 400, async () => {
    const [seen] = (await upstreamOf(oxbow)).endpoints;
    return seen.learned_idle_s !== null && seen.idle === 0 && seen;
  });
  const { opened } = await origin.counts();
  assert.equal(endpoint.opened, opened);
  assert.ok(endpoint.learned_idle_s > 0.35 && endpoint.learned_idle_s < 4,
    `${endpoint.learned_idle_s}`);
  assert.ok(endpoint.closed.server_closed >= 3);
  assert.equal(endpoint.closed.total, opened);
});

test('promtool has nothing to say about /metrics, before and after traffic', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top, listener: 'access_log: { path: stderr }',
  }));
  const check = async () => {
    const { code, stdout, stderr } =
      await run('promtool', ['check', 'metrics'], { input: await metricsOf(oxbow) });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(code, 0);
  };
  await check();
  await ask(oxbow, 500, 10);
  await origin.stop();
  await curl([oxbow.url]);
  await check();
});

test('docs/metrics.md names the metrics that there are, and their types', async (t) => {
  const origin = await startSilentOrigin(t, 300);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top, listener: 'access_log: { path: stderr }',
  }));
  // What has something to say only then: a ratio, and a learned age.
  await learnAge(oxbow, 300, async () => (await metricsOf(oxbow)).includes('learned_idle_age'));
  const docs = fs.readFileSync(
    fileURLToPath(new URL('../../docs/metrics.md', import.meta.url)), 'utf8');
  const told = [...docs.matchAll(/^\| `((?:oxbow|process)_\w+)` \| (\w+) \|/gm)].map((m) => `${m[1]} ${m[2]}`);
  const there = [...(await metricsOf(oxbow)).matchAll(/^# TYPE (\w+ \w+)$/gm)].map((m) => m[1]);
  assert.deepEqual(there.filter((name) => !told.includes(name)), [], 'not in docs/metrics.md');
  assert.deepEqual(told.filter((name) => !there.includes(name)), [], 'only in docs/metrics.md');
});

test('a Host that could be a rebound name gets 403, and no page', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const target = `${oxbow.adminUrl}/metrics`;
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example',
    'evil.example:9901', '10.0.0.1', '[2001:db8::1]', '0.0.0.0']) {
    const { status, text } = await curl(['-H', `Host: ${host}`, target]);
    assert.equal(status, 403, host);
    assert.doesNotMatch(text, /oxbow_/);
  }
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1', '127.1.2.3:80', '[::1]',
    '[::1]:9901'])
    assert.equal((await curl(['-H', `Host: ${host}`, target])).status, 200, host);
  const whole = await curl(['--request-target', 'http://evil.example/metrics', target]);
  assert.equal(whole.status, 403);
});

test('only GET and HEAD, only these pages, and never on the listener of clients', async (t) => {
  const asked = [];
  const origin = await startOrigin(t, (request, response) => {
    asked.push(request.url);
    response.end('of the application');
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, text } = await curl(['-i', '-X', method, `${oxbow.adminUrl}/api/upstreams`]);
    assert.equal(status, 405, method);
    assert.match(text, /^Allow: GET, HEAD\r$/m);
  }
  const head = await curl(['-I', `${oxbow.adminUrl}/metrics`]);
  assert.equal(head.status, 200);
  assert.equal(head.downloaded, 0);
  assert.equal((await curl([`${oxbow.adminUrl}/index.html`])).status, 404);
  assert.equal((await curl([`${oxbow.url}/metrics`])).text, 'of the application');
  assert.deepEqual(asked, ['/metrics']);
});

test('on a Unix socket', async (t) => {
  const origin = await startOrigin(t);
  const socket = path.join(tempDir(t), 'admin.sock');
  await startOxbow(t, proxyTo(origin.address, { top: `admin: { listen: "unix:${socket}" }` }));
  await until(3000, 'the socket', () => fs.existsSync(socket));
  const { text } = await curl(['--unix-socket', socket, 'http://localhost/readyz']);
  assert.equal(text, 'ready\n');
});

test('scrapes under load do not disturb it, and a crowd of them is bounded', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const agent = new http.Agent({ keepAlive: true });
  atEnd(t, () => agent.destroy());
  let scrapes = 0;
  const scrape = async () => {
    while (origin.requests < 5000) {
      await new Promise((done, failed) => {
        http.get(`${oxbow.adminUrl}/metrics`, { agent }, (response) => {
          assert.ok([200, 503].includes(response.statusCode));
          ++scrapes;
          response.resume();
          response.on('end', done);
        }).on('error', failed);
      });
    }
  };
  await Promise.all([...Array.from({ length: 10 }, scrape), ask(oxbow, 5000, 10)]);
  assert.ok(scrapes > 10);
  await upstreamBehind(oxbow, 5000);
});
