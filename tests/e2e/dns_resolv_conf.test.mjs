// A resolv.conf as a pod has it: name servers at port 53, search domains, and five dots. It is
// followed when somebody writes it anew.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { namedProxy, startLoad, startTwins, who } from './dns_follow.mjs';
import { loopbackIp, startDnsmasq } from './dnsmasq.mjs';
import { startOxbow, tempDir, until } from './harness.mjs';

const full = 'api.ns.svc.cluster.test';
const search = 'ns.svc.cluster.test svc.cluster.test cluster.test';

const resolvConf = (...servers) => `# of a pod
${servers.map(({ ip }) => `nameserver ${ip}\n`).join('')}search ${search}
options ndots:5
`;

const startNameServer = (t, address) =>
  startDnsmasq(t, { ip: loopbackIp(), port: 53, ttl: 1, hosts: { [full]: address } });

async function writeResolvConf(t, ...servers) {
  const file = path.join(tempDir(t), 'resolv.conf');
  fs.writeFileSync(file, resolvConf(...servers));
  return file;
}

const from = (file) => `resolv_conf: ${file}, hosts: off, timeout: 2s`;

test('a short name is looked for in the search domains', async (t) => {
  const { port, one } = await startTwins(t, ['one']);
  const dns = await startNameServer(t, one.ip);
  const file = await writeResolvConf(t, dns);
  for (const name of ['api', 'api.ns', full]) {
    const oxbow = await startOxbow(t, namedProxy(`${name}:${port}`, from(file)));
    assert.equal((await who(oxbow)).body, 'one', name);
    await oxbow.stop();
  }
  assert.ok(dns.asked(full, 'A') >= 3);
  assert.equal(dns.asked('api', 'A'), 0);  // fewer dots than five: the search domains come first
  assert.equal(dns.asked('api.ns', 'A'), 0);
  assert.ok(dns.asked(`api.ns.${search.split(' ')[0]}`, 'A') >= 1);
});

test('the file is written anew, with another name server in it', async (t) => {
  const { port, one, two } = await startTwins(t);
  const [first, second] = [await startNameServer(t, one.ip), await startNameServer(t, two.ip)];
  const file = await writeResolvConf(t, first);
  const oxbow = await startOxbow(t, namedProxy(`api:${port}`, from(file)));
  const load = startLoad(t, oxbow);
  await load.settled(30000, 'one');
  // As kubelet and editors do it: another file takes its place.
  fs.writeFileSync(`${file}.new`, resolvConf(second));
  fs.renameSync(`${file}.new`, file);
  await load.settled(30000, 'two');
  fs.writeFileSync(file, resolvConf(first));
  await load.settled(30000, 'one');
  await load.stop();
  load.check();
});

test('the second name server is asked when the first is down', async (t) => {
  const { port, one, two } = await startTwins(t);
  const [first, second] = [await startNameServer(t, one.ip), await startNameServer(t, one.ip)];
  const file = await writeResolvConf(t, first, second);
  await first.kill();
  const oxbow = await startOxbow(t, namedProxy(`api:${port}`, from(file)));
  const load = startLoad(t, oxbow);
  await load.settled(30000, 'one');
  await second.setHosts({ [full]: two.ip });
  await load.settled(30000, 'two');
  await load.stop();
  load.check();
});

test('a file without name servers leaves what is known in use', async (t) => {
  const { port, one, two } = await startTwins(t);
  const dns = await startNameServer(t, one.ip);
  const file = await writeResolvConf(t, dns);
  const oxbow = await startOxbow(t, namedProxy(`api:${port}`, from(file)));
  const load = startLoad(t, oxbow);
  await load.settled(30000, 'one');
  fs.writeFileSync(file, '');
  await until(5000, 'requests meanwhile', () => load.answers > 200);
  fs.writeFileSync(file, resolvConf(dns));
  await dns.setHosts({ [full]: two.ip });
  await load.settled(30000, 'two');
  await load.stop();
  load.check();
});
