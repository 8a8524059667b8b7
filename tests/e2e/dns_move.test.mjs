// A name that moves from one server to another, under load: nothing fails, and the old server is
// let go in time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { askedOf, checkName, namedProxy, served, startLoad, startTwins, untilState }
  from './dns_follow.mjs';
import { startDnsmasq } from './dnsmasq.mjs';
import { sleep, startOxbow, until } from './harness.mjs';

const ttl = 2;
const slack = 6;  // of a machine that is slow and busy
const isFresh = (oxbow) => untilState(10000, oxbow, 'api.test', 'fresh');

test('a name with a TTL of 2 s moves to another nginx', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startDnsmasq(t, { ttl, hosts: { 'api.test': one.ip } });
  const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, askedOf(dns)));
  const load = startLoad(t, oxbow);
  await sleep(3000);
  assert.equal(load.count('two'), 0);
  checkName(await isFresh(oxbow), { addresses: [one.ip], ttl_s: ttl });

  await dns.setHosts({ 'api.test': two.ip });
  const deadline = Date.now() + (ttl + slack) * 1000;
  await sleep(deadline - Date.now() + 200);  // for what was under way
  const before = served(one.nginx);
  await sleep(3000);
  await load.stop();
  load.check();
  assert.ok(load.last('one') <= deadline, `${load.last('one') - deadline} ms late`);
  assert.equal(served(one.nginx), before);
  assert.ok(load.count('two') > 0);
  checkName(await isFresh(oxbow), { addresses: [two.ip] });
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
      await load.settled(30000, names);
      continue;
    }
    const share = (name) => load.recent.filter((each) => each === name).length;
    await until(30000, 'a share of each', () => names.every((name) => share(name) >= 30));
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
  await load.settled(30000, 'one');
  dns.set('www.test', 'CNAME', 'other.test', 1);  // the lesser TTL of the two counts
  await load.settled(30000, 'two');
  dns.set('other.test', 'A', one.ip, 100);
  await load.settled(30000, 'one');
  await load.stop();
  load.check();
});
