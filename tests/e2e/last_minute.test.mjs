// The percentiles of /api/upstreams are of the last minute, also of a process that went idle in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { curl, proxyTo, sleep, startOxbow, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const top = 'workers: 2\nadmin: { listen: 127.0.0.1:0 }';

async function timesOf(oxbow) {
  const { text } = await curl([`${oxbow.adminUrl}/api/upstreams`]);
  const { latency_ms, wait_ms, connect_ms, first_byte_ms } = JSON.parse(text).upstreams[0];
  return { latency_ms, wait_ms, connect_ms, first_byte_ms };
}

async function ask(oxbow, count) {
  for (let i = 0; i < count; ++i) {
    const { status } = await curl([oxbow.url]);
    assert.equal(status, 200);
  }
}

const counted = (oxbow, count) => until(20000, `${count} requests counted`, async () => {
  const times = await timesOf(oxbow);
  return times.latency_ms.count === count && times;
});

test('values leave behind a minute of silence, and new ones are counted alone', async (t) => {
  const origin = await startOrigin(t, (request, response) =>
    setTimeout(() => response.end('ok'), 30));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const begun = Date.now();
  await ask(oxbow, 10);
  const first = await counted(oxbow, 10);
  assert.ok(first.latency_ms.p50 >= 29, `${first.latency_ms.p50} ms`);
  assert.ok(first.connect_ms.count >= 1);
  await sleep(20000);
  const later = await timesOf(oxbow);
  if (Date.now() - begun < 55000) assert.equal(later.latency_ms.count, 10);
  await sleep(50000);
  const last = await until(30000, 'nothing of the last minute', async () => {
    const times = await timesOf(oxbow);
    return times.latency_ms.count === 0 && times;
  });
  const none = { count: 0, p50: null, p90: null, p99: null };
  assert.deepEqual(last,
    { latency_ms: none, wait_ms: none, connect_ms: none, first_byte_ms: none });
  await ask(oxbow, 3);
  await counted(oxbow, 3);
});
