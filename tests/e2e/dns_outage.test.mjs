// The resolver goes away: what was known stays in use, nothing fails, and changes are followed
// again once it is back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { askedOf, checkName, namedProxy, startLoad, startTwins, untilState }
  from './dns_follow.mjs';
import { startDnsmasq } from './dnsmasq.mjs';
import { sleep, startOxbow } from './harness.mjs';

// They wait most of their time: side by side.
describe('outages', { concurrency: 3 }, () => {
  test('dnsmasq is killed for 60 s', async (t) => {
    const { port, one, two } = await startTwins(t);
    const dns = await startDnsmasq(t, { ttl: 1, hosts: { 'api.test': one.ip } });
    const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, askedOf(dns)));
    const load = startLoad(t, oxbow);
    await load.settled(30000, 'one');
    checkName(await untilState(5000, oxbow, 'api.test', 'fresh'), { failures: 0, last_error: null });
    await dns.kill();
    const killed = Date.now();
    const stale = await untilState(15000, oxbow, 'api.test', 'stale');
    checkName(stale, { addresses: [one.ip], ttl_s: 1 });
    assert.ok(stale.failures > 0 && stale.last_error, JSON.stringify(stale));
    await sleep(60000 - (Date.now() - killed));
    load.check();
    assert.equal(load.count('two'), 0);

    await dns.setHosts({ 'api.test': two.ip });
    await dns.start();
    await load.settled(30000, 'two');
    await untilState(5000, oxbow, 'api.test', 'fresh');
    await dns.setHosts({ 'api.test': one.ip });
    await load.settled(30000, 'one');
    await load.stop();
    load.check(1000);
    checkName(await untilState(5000, oxbow, 'api.test', 'fresh'), { addresses: [one.ip] });
  });

  for (const [what, begin, end] of [
    ['says nothing', (dns) => { dns.silent = true; }, (dns) => { dns.silent = false; }],
    ['says SERVFAIL', (dns) => dns.fail('api.test', 'SERVFAIL'), (dns) => dns.clear('api.test')],
  ]) {
    test(`a resolver that ${what} for 15 s is not asked without a pause`, async (t) => {
      const { port, one, two } = await startTwins(t);
      const dns = await startDnsServer(t);
      dns.set('api.test', 'A', one.ip, 1);
      const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, askedOf(dns, '1s')));
      const load = startLoad(t, oxbow, { lanes: 8, pause: 10 });
      await load.settled(30000, 'one');
      begin(dns);
      const before = { count: dns.queries.length, at: Date.now() };
      await untilState(10000, oxbow, 'api.test', 'stale');
      await sleep(15000);
      const asked = dns.queries.length - before.count;
      const seconds = (Date.now() - before.at) / 1000;
      t.diagnostic(`${asked} queries in ${seconds} s`);
      assert.ok(asked >= 4 && asked <= 9 * seconds, `${asked} queries in ${seconds} s`);
      dns.set('api.test', 'A', two.ip, 1);
      end(dns);
      await load.settled(30000, 'two');
      await load.stop();
      load.check();
    });
  }
});
