// SRV records: hosts and ports come from DNS, with priorities and weights (RFC 2782).

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { askedOf, namedProxy, startLoad, startNamed } from './dns_follow.mjs';
import { startDnsServer } from './dns_server.mjs';
import { startDnsmasq } from './dnsmasq.mjs';
import { startOxbow } from './harness.mjs';
import { checkLost } from './kills.mjs';
import { ask, logged } from './observe.mjs';

const server = '{ server: api.test, service: http }';
const service = '_http._tcp.api.test';

async function startServers(t, ...names) {
  const servers = await Promise.all(names.map((name) => startNamed(t, name)));
  return Object.fromEntries(names.map((name, i) => [name, servers[i]]));
}

test('the second priority serves while the first is dead, and no longer', async (t) => {
  const { a, b, c } = await startServers(t, 'a', 'b', 'c');
  const dns = await startDnsmasq(t, {
    ttl: 1,
    hosts: { 'host.test': '127.0.0.1' },
    services: { [service]: [`10 1 ${a.port} host.test`, `10 1 ${b.port} host.test`,
      `20 1 ${c.port} host.test`] },
  });
  // A request whose used connection dies with both: that, one to each that is refused, then c.
  const oxbow = await startOxbow(t,
    namedProxy(server, askedOf(dns), { upstream: 'proxy_next_upstream_tries: 4' }));
  const load = startLoad(t, oxbow);
  await load.settled(30000, ['a', 'b']);
  assert.ok(load.count('a') > 0 && load.count('b') > 0);
  assert.equal(load.count('c'), 0);

  await load.kill(a, b);
  await load.settled(30000, 'c');
  await Promise.all([a.start(), b.start()]);
  await load.settled(30000, ['a', 'b']);
  await load.kill(a);
  await load.settled(30000, 'b');  // as long as one of the first is there, the second rests
  await load.stop();
  load.check();
  const lost = checkLost(await logged(oxbow, load.answers));
  t.diagnostic(`${lost} of ${load.answers} requests went with a server`);
  assert.equal(lost, load.failures.length);
});

// By `requests` over a connection each.
async function countByName(oxbow, requests, lanes = 8) {
  const counts = {};
  let left = requests;
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (left-- > 0) {
      const { status, body } = await ask(`${oxbow.url}/who`);
      assert.equal(status, 200, body);
      counts[body] = (counts[body] ?? 0) + 1;
    }
  }));
  return counts;
}

test('weights 1 and 3 have one and three quarters of new connections', async (t) => {
  const { a, b } = await startServers(t, 'a', 'b');
  const dns = await startDnsmasq(t, {
    hosts: { 'host.test': '127.0.0.1' },
    services: { [service]: [`10 1 ${a.port} host.test`, `10 3 ${b.port} host.test`] },
  });
  const oxbow = await startOxbow(t, namedProxy(server, askedOf(dns), { upstream: 'keepalive: 0' }));
  const counts = await countByName(oxbow, 400);
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.a >= 80 && counts.a <= 120, `${counts.a} of 400 at weight 1 of 4`);
  assert.equal(counts.a + counts.b, 400);
});

test('records and the addresses of their targets are followed', async (t) => {
  const { a, b, c } = await startServers(t, 'a', 'b', 'c');
  const dns = await startDnsServer(t);
  dns.set('one.test', 'A', '127.0.0.1', 1);
  dns.set('two.test', 'A', '127.0.0.1', 1);
  dns.set(service, 'SRV', `10 1 ${a.port} one.test`, 1);
  const oxbow = await startOxbow(t, namedProxy(server, askedOf(dns)));
  const load = startLoad(t, oxbow);
  await load.settled(30000, 'a');
  dns.set(service, 'SRV', `10 1 ${b.port} two.test`, 1);  // another target, another port
  await load.settled(30000, 'b');
  dns.set(service, 'SRV', [`10 1 ${b.port} two.test`, `5 1 ${c.port} two.test`], 1);
  await load.settled(30000, 'c');                          // a better priority
  await load.stop();
  load.check();
});

test('the service\'s name may be told in full', async (t) => {
  const { a } = await startServers(t, 'a');
  const dns = await startDnsmasq(t, {
    hosts: { 'host.test': '127.0.0.1' },
    services: { '_grpc._tcp.api.test': [`0 0 ${a.port} host.test`] },
  });
  const oxbow = await startOxbow(t,
    namedProxy('{ server: api.test, service: _grpc._tcp }', askedOf(dns)));
  assert.deepEqual(await countByName(oxbow, 5, 1), { a: 5 });
});
