// The DNS servers that other tests rely on, asked by Node's own resolver.

import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { loopbackIp, startDnsmasq } from './dnsmasq.mjs';

const resolverOf = (server, options = { timeout: 20000, tries: 1 }) => {
  const resolver = new Resolver(options);
  resolver.setServers([server.address]);
  return resolver;
};

const fails = (promise, code) => assert.rejects(promise, { code });
const sorted = (list) => [...list].sort();

test('dnsmasq answers what it is told, with its TTL', async (t) => {
  const server = await startDnsmasq(t, {
    ttl: 7,
    hosts: { 'api.test': ['127.1.0.1', '127.1.0.2', '2001:db8::1'], 'one.test': '127.1.0.3' },
    services: { '_http._tcp.api.test': ['10 1 8080 one.test', '20 3 8081 one.test'] },
  });
  const resolver = resolverOf(server);
  assert.deepEqual(sorted((await resolver.resolve4('api.test', { ttl: true }))
    .map(({ address, ttl }) => `${address} ${ttl}`)), ['127.1.0.1 7', '127.1.0.2 7']);
  assert.deepEqual(await resolver.resolve6('api.test'), ['2001:db8::1']);
  assert.deepEqual(sorted((await resolver.resolveSrv('_http._tcp.api.test'))
    .map(({ priority, weight, port, name }) => `${priority} ${weight} ${port} ${name}`)),
  ['10 1 8080 one.test', '20 3 8081 one.test']);
  await fails(resolver.resolve4('unknown.test'), 'ENOTFOUND');
  await fails(resolver.resolve6('one.test'), 'ENODATA');
  await fails(resolver.resolve4('example.com'), 'EREFUSED');  // it asks nobody
  assert.equal(server.asked('api.test', 'A'), 1);
  assert.equal(server.asked('api.test'), 2);
});

test('dnsmasq follows changes, and comes back on its port', async (t) => {
  const server = await startDnsmasq(t, { hosts: { 'api.test': '127.1.0.1' } });
  const resolver = resolverOf(server);
  const { address } = server;
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.1']);
  await server.setHosts({ 'api.test': '127.1.0.9' });
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.9']);
  await server.setHosts({});
  await fails(resolver.resolve4('api.test'), 'ENOTFOUND');
  await server.setServices({ '_http._tcp.api.test': ['0 1 80 one.test'] });
  assert.equal((await resolver.resolveSrv('_http._tcp.api.test')).length, 1);
  await server.kill();
  await assert.rejects(resolver.resolve4('api.test'));
  await server.setHosts({ 'api.test': '127.1.0.5' });
  await server.start();
  assert.equal(server.address, address);
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.5']);
  assert.equal(server.asked('api.test', 'A'), 4);  // it has not seen what was asked meanwhile
});

test('dnsmasq at port 53 of an address of loopback', async (t) => {
  const server = await startDnsmasq(t,
    { ip: loopbackIp(), port: 53, hosts: { 'api.ns.svc.cluster.test': '127.1.0.1' } });
  assert.match(server.address, /:53$/);
  assert.deepEqual(await resolverOf(server).resolve4('api.ns.svc.cluster.test'), ['127.1.0.1']);
});

test('the scripted server: records, aliases, TTL, codes', async (t) => {
  const server = await startDnsServer(t);
  const resolver = resolverOf(server);
  server.set('api.test', 'A', ['127.1.0.1', '127.1.0.2'], 100000);
  server.set('api.test', 'AAAA', '2001:db8::1');
  server.set('_http._tcp.api.test', 'SRV', ['10 5 8080 one.test']);
  server.set('www.test', 'CNAME', 'API.test');
  assert.deepEqual(await resolver.resolve4('api.test', { ttl: true }),
    [{ address: '127.1.0.1', ttl: 100000 }, { address: '127.1.0.2', ttl: 100000 }]);
  assert.deepEqual(await resolver.resolve6('API.test'), ['2001:db8::1']);
  assert.deepEqual(await resolver.resolveSrv('_http._tcp.api.test'),
    [{ priority: 10, weight: 5, port: 8080, name: 'one.test' }]);
  assert.deepEqual(await resolver.resolve4('www.test'), ['127.1.0.1', '127.1.0.2']);
  assert.deepEqual(await resolver.resolveCname('www.test'), ['API.test']);
  server.negativeTtl = 5;
  await fails(resolver.resolve4('unknown.test'), 'ENOTFOUND');
  await fails(resolver.resolve4('_http._tcp.api.test'), 'ENODATA');
  server.fail('api.test', 'SERVFAIL');
  await fails(resolver.resolve4('api.test'), 'ESERVFAIL');
  server.clear('api.test');
  server.set('api.test', 'A', '127.1.0.9');
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.9']);
  server.remove('api.test');
  await fails(resolver.resolve4('api.test'), 'ENOTFOUND');
  assert.ok(server.count('api.test', 'A') >= 3 && server.count('api.test', 'SRV') === 0);
});

test('the scripted server: truncation, silence, delay, and back on its port', async (t) => {
  const server = await startDnsServer(t);
  const resolver = resolverOf(server);
  const { address } = server;
  const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  server.set('large.test', 'A', many);
  assert.deepEqual(await resolver.resolve4('large.test'), many);
  assert.deepEqual(server.queries.map(({ transport }) => transport), ['udp', 'tcp']);
  server.set('api.test', 'A', '127.1.0.1');
  server.truncating = true;
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.1']);
  server.truncating = false;
  server.silent = true;
  await fails(resolverOf(server, { timeout: 300, tries: 1 }).resolve4('api.test'), 'ETIMEOUT');
  server.silent = false;
  server.delay = 100;
  const begin = Date.now();
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.1']);
  assert.ok(Date.now() - begin >= 99);
  server.delay = 0;
  await server.stop();
  await assert.rejects(resolver.resolve4('api.test'));
  await server.start();
  assert.equal(server.address, address);
  assert.deepEqual(await resolver.resolve4('api.test'), ['127.1.0.1']);
});
