// `oxbow resolve` and /api/dns: what a name comes to, and why.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { askedOf, checkName, namedProxy, namesOf, startTwins, untilState, who }
  from './dns_follow.mjs';
import { startDnsServer } from './dns_server.mjs';
import { binary, run, startOxbow, tempDir } from './harness.mjs';

// What `oxbow resolve` must tell of an address: whether it is used, of which server, and where it
// comes from.
function checkAddress(stdout, address, { ttl, source, use }) {
  const lines = stdout.split('\n').filter((line) =>
    line.split(/\s+/).some((word) => [`${address}:80`, `[${address}]:80`].includes(word)));
  assert.equal(lines.length, 1, `a line with ${address}:\n${stdout}`);
  assert.match(lines[0], use ? /^ {2}used: / : /^ {2}stands by: /);
  if (ttl !== undefined) assert.match(stdout, new RegExp(`^ {2}TTL: +${ttl} s `, 'm'));
  if (source === 'hosts') assert.match(stdout, /^ {2}found in: +the hosts file$/m);
  else if (source !== 'literal') assert.ok(stdout.includes(`asked:     ${source}\n`), stdout);
}

// `resolver` is the inside of the mapping.
async function resolve(t, name, resolver, options) {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, 'c.yaml'), namedProxy('api.test:80', resolver, options));
  return run(binary, ['resolve', '-c', 'c.yaml', name], { cwd: dir, ms: 30000 });
}

async function startServer(t) {
  const dns = await startDnsServer(t);
  dns.set('api.test', 'A', ['127.1.0.1', '127.1.0.2'], 7);
  dns.set('api.test', 'AAAA', '2001:db8::1', 9);
  dns.set('www.test', 'CNAME', 'api.test', 5);
  return dns;
}

test('resolve: addresses with TTL and source, those in use and those that stand by', async (t) => {
  const dns = await startServer(t);
  const { code, stdout, stderr } = await resolve(t, 'api.test', askedOf(dns));
  assert.equal(stderr, '');
  assert.equal(code, 0);
  for (const address of ['127.1.0.1', '127.1.0.2'])
    checkAddress(stdout, address, { ttl: 7, source: dns.address, use: true });
  checkAddress(stdout, '2001:db8::1', { source: dns.address, use: false });
});

test('resolve: an alias has the lesser TTL', async (t) => {
  const dns = await startServer(t);
  const { code, stdout } = await resolve(t, 'www.test', askedOf(dns));
  assert.equal(code, 0);
  checkAddress(stdout, '127.1.0.1', { ttl: 5, source: dns.address, use: true });
});

test('resolve: from the hosts, and an address as it is', async (t) => {
  const dns = await startServer(t);
  const hosts = path.join(tempDir(t), 'hosts');
  fs.writeFileSync(hosts, '127.1.0.5 api.test\n');
  const resolver = `addresses: [ ${dns.address} ], hosts: ${hosts}`;
  const found = await resolve(t, 'api.test', resolver);
  assert.equal(found.code, 0, found.stderr);
  checkAddress(found.stdout, '127.1.0.5', { source: 'hosts', use: true });
  const literal = await resolve(t, '192.0.2.7', resolver);
  assert.equal(literal.code, 0, literal.stderr);
  checkAddress(literal.stdout, '192.0.2.7', { source: 'literal', use: true });
  assert.equal(dns.queries.length, 0);
});

for (const [what, name, prepare, reason] of [
  ['NXDOMAIN', 'missing.test', () => {}, /nxdomain/i],
  ['SERVFAIL', 'api.test', (dns) => dns.fail('api.test', 'SERVFAIL'), /servfail/i],
  ['silence', 'api.test', (dns) => { dns.silent = true; }, /timeout/i],
  ['no records', 'empty.test', (dns) => dns.set('empty.test', 'A', []),
    /nodata|no (data|address|record)/i],
  ['a closed port', 'api.test', (dns) => dns.stop(), /unreachable|refused|no (DNS )?server/i],
]) {
  test(`resolve: ${what} is exit status 1 with the reason`, async (t) => {
    const dns = await startServer(t);
    await prepare(dns);
    const begin = Date.now();
    const { code, stdout, stderr } = await resolve(t, name, askedOf(dns, '1s'));
    assert.equal(code, 1, stdout);
    assert.match(`${stdout}${stderr}`, reason);
    assert.ok(`${stdout}${stderr}`.includes(name));
    assert.ok(Date.now() - begin < 25000);
  });
}

test('resolve: a wrong command line is exit status 2, a bad file 1', async (t) => {
  for (const args of [['resolve'], ['resolve', '-c', 'c.yaml']]) {
    const { code, stderr } = await run(binary, args, { ms: 10000 });
    assert.equal(code, 2, args.join(' '));
    assert.notEqual(stderr, '');
  }
  const { code, stderr } = await resolve(t, 'api.test', 'adresses: [ 127.0.0.1:53 ]');
  assert.equal(code, 1);
  assert.match(stderr, /resolver\.adresses/);
});

test('/api/dns: names with their state', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startDnsServer(t);
  dns.set('api.test', 'A', [one.ip, two.ip], 3);
  const oxbow = await startOxbow(t,
    namedProxy(`api.test:${port}, missing.test:${port}, "${one.ip}:${port}"`, askedOf(dns)));
  assert.equal((await who(oxbow)).status, 200);
  const names = await namesOf(oxbow);
  assert.deepEqual(names.map(({ name }) => name).sort(), ['api.test', 'missing.test']);
  const fresh = await untilState(5000, oxbow, 'api.test', 'fresh');
  checkName(fresh, { addresses: [one.ip, two.ip], ttl_s: 3, failures: 0,
    last_error: null });
  assert.ok(fresh.age_s <= 30 && fresh.next_refresh_s <= 3.5, JSON.stringify(fresh));
  const missing = await untilState(5000, oxbow, 'missing.test', 'unresolved');
  checkName(missing, { addresses: [] });
  assert.ok(missing.failures >= 1);
  assert.match(missing.last_error, /nxdomain/i);
});
