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
const memoryOf = (oxbow) => oxbow.status('VmRSS') * 1024;

const ipOf = (i) => `127.2.${i >> 8}.${i & 255}`;

// An upstream for each of these.
const configOf = (dns, hosts) => `
workers: 1
admin: { listen: 127.0.0.1:0 }
resolver: { addresses: [ ${dns.address} ], hosts: off }
upstreams:
${hosts.map((host, i) => `  u${i}: { servers: [ ${host}:80 ] }`).join('\n')}
listeners:
  - listen: 127.0.0.1:0
    routes: [ { return: { status: 204 } } ]
`;

test('500 names with a TTL of 1 s', async (t) => {
  const dns = await startDnsServer(t);
  const names = Array.from({ length: kNames }, (_, i) => `n${i}.test`);
  names.forEach((name, i) => dns.set(name, 'A', ipOf(i), 1));
  // What the upstreams cost by themselves.
  const bare = await startOxbow(t, configOf(dns, names.map((_, i) => ipOf(i))));
  const oxbow = await startOxbow(t, configOf(dns, names));
  // Counted where they are asked for: the admin pages take memory of their own.
  await until(60000, 'all names', () => dns.queries.length >= 4 * kNames);
  const began = Date.now();
  const before = cpuOf(oxbow.pid);
  const asked = dns.queries.length;
  const grownFrom = memoryOf(oxbow);
  await sleep(10000);
  const seconds = (Date.now() - began) / 1000;
  const cpu = (cpuOf(oxbow.pid) - before) / seconds;
  const questions = (dns.queries.length - asked) / seconds;
  const memory = memoryOf(oxbow);
  const plain = memoryOf(bare);
  t.diagnostic(`${questions} questions a second, CPU ${(100 * cpu).toFixed(1)} % of a core, ` +
    `${((memory - plain) / kNames / 1024).toFixed(1)} KiB a name`);
  await until(20000, 'all are fresh', async () =>
    (await namesOf(oxbow)).every((name) => name.state === 'fresh'));
  // A and AAAA, each about once a second; that there is no AAAA is believed for a second.
  assert.ok(questions <= 2 * kNames / 0.8, `${questions} questions a second`);
  assert.ok(cpu < 0.5, `${cpu} of a core`);
  assert.ok(memory - grownFrom < 4 << 20, `${memory - grownFrom} bytes more`);
  assert.ok(memory - plain < kNames * (8 << 10), `${memory - plain} bytes`);
});
