// A file of hosts comes before DNS, and is followed.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { namedProxy, startLoad, startTwins, who } from './dns_follow.mjs';
import { startDnsServer } from './dns_server.mjs';
import { startOxbow, tempDir } from './harness.mjs';

const from = (dns, file) => `addresses: [ ${dns.address} ], hosts: ${file}`;

async function setUp(t, text) {
  const dns = await startDnsServer(t);
  const file = path.join(tempDir(t), 'hosts');
  fs.writeFileSync(file, text);
  return { dns, file };
}

test('names of the file are not asked for, and its changes are followed', async (t) => {
  const { port, one, two } = await startTwins(t);
  const { dns, file } = await setUp(t, `# comment\n\n${one.ip}\tother.test API.test # behind it\n`);
  dns.set('api.test', 'A', '127.10.0.99');
  const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, from(dns, file)));
  const load = startLoad(t, oxbow);
  await load.settled(30000, 'one');
  fs.writeFileSync(file, `${two.ip} api.test\n`);
  await load.settled(30000, 'two');
  fs.writeFileSync(`${file}.new`, `${one.ip} api.test\n`);
  fs.renameSync(`${file}.new`, file);
  await load.settled(30000, 'one');
  assert.equal(dns.count('api.test'), 0);

  dns.set('api.test', 'A', two.ip, 1);
  fs.writeFileSync(file, '127.0.0.1 localhost\n');  // now it is for DNS to say
  await load.settled(30000, 'two');
  assert.ok(dns.count('api.test') > 0);
  await load.stop();
  load.check();
});

test('several addresses for a name, on several lines', async (t) => {
  const { port, one, two } = await startTwins(t);
  const { dns, file } = await setUp(t, `${one.ip} api.test\n${two.ip} api.test\n`);
  const oxbow = await startOxbow(t, namedProxy(`api.test:${port}`, from(dns, file)));
  const seen = new Set();
  for (let i = 0; i < 20; ++i) seen.add((await who(oxbow)).body);
  assert.deepEqual([...seen].sort(), ['one', 'two']);
  assert.equal(dns.count('api.test'), 0);
});
