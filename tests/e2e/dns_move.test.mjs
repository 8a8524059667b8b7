// A name that moves from one server to another, under load: nothing fails, and the old server is
// let go in time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { askedOf, checkName, nameOf, namedProxy, served, startLoad, startTwins }
  from './dns_follow.mjs';
import { startDnsmasq } from './dnsmasq.mjs';
import { sleep, startOxbow } from './harness.mjs';

const ttl = 2;

test('a name with a TTL of 2 s moves to another nginx', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startDnsmasq(t, { ttl, hosts: { 'api.test': one.ip } });
  const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, askedOf(dns)));
  const load = startLoad(t, oxbow);
  await sleep(3000);
  assert.equal(load.count('two'), 0);
  checkName(await nameOf(oxbow, 'api.test'), { state: 'fresh', addresses: [one.ip], ttl_s: ttl });

  await dns.setHosts({ 'api.test': two.ip });
  const deadline = Date.now() + (ttl + 2) * 1000;
  await sleep(deadline - Date.now() + 200);  // for what was under way
  const before = served(one.nginx);
  await sleep(3000);
  await load.stop();
  load.check();
  assert.ok(load.last('one') <= deadline, `${load.last('one') - deadline} ms late`);
  assert.equal(served(one.nginx), before);
  assert.ok(load.count('two') > 0);
  checkName(await nameOf(oxbow, 'api.test'), { state: 'fresh', addresses: [two.ip] });
});

test('a name moves to and fro, and gets a second address and loses it', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startDnsServer(t);
  dns.set('api.test', 'A', one.ip, 1);
  const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, askedOf(dns)));
  const load = startLoad(t, oxbow);
  for (const [addresses, names] of [[[two.ip], ['two']], [[one.ip, two.ip], ['one', 'two']],
    [[one.ip], ['one']], [[two.ip], ['two']]]) {
    dns.set('api.test', 'A', addresses, 1);
    if (names.length === 1) {
      await load.settled(8000, names);
      continue;
    }
    await sleep(3000);
    for (const name of names) {
      const share = load.recent.filter((each) => each === name).length;
      assert.ok(share >= 30, `${share} of the last 100 at ${name}`);
    }
  }
  await load.stop();
  load.check();
});

test('an alias is followed: its target moves, and it leads elsewhere', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startDnsServer(t);
  dns.set('www.test', 'CNAME', 'api.test', 1);
  dns.set('api.test', 'A', one.ip, 100);
  dns.set('other.test', 'A', two.ip, 100);
  const oxbow = await startOxbow(t, namedProxy(`www.test:${port}`, askedOf(dns)));
  const load = startLoad(t, oxbow);
  await load.settled(5000, 'one');
  dns.set('www.test', 'CNAME', 'other.test', 1);  // the lesser TTL of the two counts
  await load.settled(8000, 'two');
  dns.set('other.test', 'A', one.ip, 100);
  await load.settled(8000, 'one');
  await load.stop();
  load.check();
});
