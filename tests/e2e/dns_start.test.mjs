// oxbow starts before its resolver, or before the name is there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { askedOf, checkName, nameOf, namedProxy, startTwins, who } from './dns_follow.mjs';
import { startDnsmasq } from './dnsmasq.mjs';
import { sleep, startOxbow, until } from './harness.mjs';
import { ask, upstreamOf } from './observe.mjs';

const kQueueTime = 60000;
const waiting = `queue: { size: 10, timeout: ${kQueueTime}ms }`;

describe('start', { concurrency: 4 }, () => {
  test('while the first lookup is under way requests wait for it', async (t) => {
    const { port, one } = await startTwins(t, ['one']);
    const dns = await startDnsServer(t);
    dns.set('api.test', 'A', one.ip);
    dns.silent = true;
    const oxbow = await startOxbow(t,
      namedProxy(`api.test:${port}`, askedOf(dns, '20s'), { upstream: waiting }));
    assert.equal((await ask(`${oxbow.adminUrl}/healthz`)).status, 200);
    const answer = who(oxbow);
    await until(3000, 'a request in the queue', async () =>
      (await upstreamOf(oxbow)).queue.waiting === 1);
    assert.equal((await nameOf(oxbow, 'api.test')).state, 'resolving');
    await sleep(1000);
    assert.equal((await upstreamOf(oxbow)).queue.waiting, 1);
    dns.silent = false;  // what is asked again after half of the time gets an answer
    const { status, body } = await answer;
    assert.equal(status, 200, body);
    assert.equal(body, 'one');
    checkName(await nameOf(oxbow, 'api.test'),
      { state: 'fresh', addresses: [one.ip], failures: 0, last_error: null });
  });

  test('while the resolver is down: 503 that says so, until it is back', async (t) => {
    const { port, one } = await startTwins(t, ['one']);
    const dns = await startDnsmasq(t, { hosts: { 'api.test': one.ip } });
    await dns.kill();
    const oxbow = await startOxbow(t,
      namedProxy(`api.test:${port}`, askedOf(dns, '1s'), { upstream: waiting }));
    assert.equal((await ask(`${oxbow.adminUrl}/healthz`)).status, 200);
    const begin = Date.now();
    const refused = await who(oxbow);
    assert.ok(Date.now() - begin < kQueueTime / 2, `${Date.now() - begin} ms`);
    assert.equal(refused.status, 503);
    assert.match(refused.proxyStatus, /^oxbow; error=dns_timeout/);
    await dns.start();
    await until(8000, 'the name', async () => (await who(oxbow)).status === 200);
    checkName(await nameOf(oxbow, 'api.test'), { state: 'fresh', addresses: [one.ip] });
  });

  const negatives = [['without a SOA record', null], ['with a negative TTL of 2 s', 2]];
  for (const [what, negativeTtl] of negatives) {
    test(`NXDOMAIN ${what}: 503 at once, until the name appears`, async (t) => {
      const { port, one } = await startTwins(t, ['one']);
      const dns = await startDnsServer(t);
      dns.negativeTtl = negativeTtl;
      const oxbow = await startOxbow(t,
        namedProxy(`api.test:${port}`, askedOf(dns), { upstream: waiting }));
      const begin = Date.now();
      const refused = await who(oxbow);
      assert.ok(Date.now() - begin < kQueueTime / 2, `${Date.now() - begin} ms`);
      assert.equal(refused.status, 503);
      assert.match(refused.proxyStatus, /^oxbow; error=dns_error/);
      const entry = await nameOf(oxbow, 'api.test');
      checkName(entry, { state: 'unresolved', addresses: [] });
      assert.match(entry.last_error, /nxdomain/i);
      dns.set('api.test', 'A', one.ip);
      await until(8000, 'the name', async () => (await who(oxbow)).status === 200);
      checkName(await nameOf(oxbow, 'api.test'), { state: 'fresh', addresses: [one.ip] });
    });
  }

  test('one name of two resolves: its server has all requests', async (t) => {
    const { port, one } = await startTwins(t, ['one']);
    const dns = await startDnsmasq(t, { hosts: { 'api.test': one.ip } });
    const oxbow = await startOxbow(t,
      namedProxy(`api.test:${port}, missing.test:${port}`, askedOf(dns)));
    for (let i = 0; i < 20; ++i) assert.equal((await who(oxbow)).body, 'one');
    checkName(await nameOf(oxbow, 'api.test'), { state: 'fresh' });
    checkName(await nameOf(oxbow, 'missing.test'), { state: 'unresolved', addresses: [] });
  });
});
