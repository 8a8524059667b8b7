// Many names with short TTLs: what they cost is bounded.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { startDnsServer } from './dns_server.mjs';
import { namesOf } from './dns_follow.mjs';
import { sleep, startOxbow, until } from './harness.mjs';

const kNames = 500;
const kTicks = 100;  // of /proc/PID/stat, a second (getconf CLK_TCK on Linux)

function cpuOf(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / kTicks;
}
const memoryOf = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

const configOf = (dns, names) => `
workers: 1
admin: { listen: 127.0.0.1:0 }
resolver: { addresses: [ ${dns.address} ], hosts: off }
upstreams:
${names.map((name, i) => `  u${i}: { servers: [ ${name}:80 ] }`).join('\n') || '  u: { servers: [ 127.0.0.1:80 ] }'}
listeners:
  - { listen: 127.0.0.1:0, routes: [ { return: { status: 204 } } ] }
`;

test('500 names with a TTL of 1 s', async (t) => {
  const dns = await startDnsServer(t);
  const names = Array.from({ length: kNames }, (_, i) => `n${i}.test`);
  names.forEach((name, i) => dns.set(name, 'A', `127.2.${i >> 8}.${i & 255}`, 1));
  const bare = await startOxbow(t, configOf(dns, []));
  const oxbow = await startOxbow(t, configOf(dns, names));
  await until(10000, 'all names', async () =>
    (await namesOf(oxbow)).every((name) => name.state === 'fresh'));
  const before = cpuOf(oxbow.pid);
  const asked = dns.queries.length;
  const grownFrom = memoryOf(oxbow.pid);
  await sleep(10000);
  const cpu = (cpuOf(oxbow.pid) - before) / 10;
  const questions = (dns.queries.length - asked) / 10;
  const memory = memoryOf(oxbow.pid);
  t.diagnostic(`${questions} questions a second, CPU ${(100 * cpu).toFixed(1)} % of a core, ` +
    `${((memory - memoryOf(bare.pid)) / kNames / 1024).toFixed(1)} KiB a name`);
  assert.ok((await namesOf(oxbow)).every((name) => name.state === 'fresh'));
  // A and AAAA, each about once a second; that there is no AAAA is believed for a second.
  assert.ok(questions <= 2 * kNames / 0.8, `${questions} questions a second`);
  assert.ok(cpu < 0.25, `${cpu} of a core`);
  assert.ok(memory - grownFrom < 4 << 20, `${memory - grownFrom} bytes more`);
  assert.ok(memory - memoryOf(bare.pid) < kNames * (32 << 10), `${memory} bytes`);
});
