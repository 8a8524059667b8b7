// testssl.sh against a listener with certificates of both kinds: nothing of MEDIUM or worse.
// docs/security.md has the findings of one run. Its client simulations and the trials of each cipher
// by itself are left out, for their time.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { run, startOxbow, tempDir } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, certificates, pairOf, tlsProxyTo } from './tls_client.mjs';

// Each a process: they wait more than they work.
const checks = {
  protocols: ['--protocols', '--standard', '--fs', '--server-preference'],
  server: ['--server-defaults', '--headers'],
  vulnerable: ['--vulnerable'],
};

// Of the tests' own CA, whose certificates name no revocation list, and of the openssl that
// testssl.sh itself uses.
const notOurs = /^(cert_revocation|engine_problem)/;

const ca = makeCa({ after });
const pairs = certificates(...['p256', 'rsa'].map((key) =>
  pairOf(ca.issue({ names: ['localhost'], ips: ['127.0.0.1'], key }))));

async function scan(oxbow, dir, name, options) {
  const file = path.join(dir, `${name}.json`);
  const { stdout, stderr } = await run('testssl', ['--quiet', '--color', '0', '--warnings', 'batch',
    '--nodns', 'none', '--ip', '127.0.0.1', '--add-ca', ca.file, '--connect-timeout', '10',
    '--openssl-timeout', '10', ...options, '--jsonfile', file, `localhost:${oxbow.port}`],
  { cwd: dir, ms: 700000 });
  assert.ok(fs.existsSync(file), stdout + stderr);
  const findings = JSON.parse(fs.readFileSync(file, 'utf8'));
  assert.ok(!findings.some(({ id }) => id === 'scanProblem'), JSON.stringify(findings));
  return findings;
}

test('testssl.sh finds nothing of MEDIUM or worse', { timeout: 800000 }, async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'self'");
    response.end('hello\n');
  });
  const oxbow = await startOxbow(t,
    tlsProxyTo(origin.address, `${pairs}, hsts: { max_age: 365d }`));
  const dir = tempDir(t);
  const version = (await run('testssl', ['--version'], { cwd: dir })).stdout;
  const began = Date.now();
  const findings = (await Promise.all(Object.entries(checks).map(([name, options]) =>
    scan(oxbow, dir, name, options)))).flat();
  t.diagnostic(`testssl.sh ${/testssl(?:\.sh)? +(\d[\w.]*)/.exec(version)?.[1]}, ` +
    `${Math.round((Date.now() - began) / 1000)} s`);

  // A scan that came to nothing would find nothing wrong either.
  const finding = (id) => findings.find((one) => one.id === id)?.finding;
  assert.match(finding('TLS1_2'), /^offered/);
  assert.match(finding('TLS1_3'), /^offered/);
  for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) assert.match(finding(id), /^not offered/);
  assert.match(finding('ALPN'), /http\/1\.1/);
  for (const id of ['heartbleed', 'CCS', 'ticketbleed', 'secure_client_renego', 'CRIME_TLS', 'BREACH',
    'POODLE_SSL', 'SWEET32', 'FREAK', 'DROWN', 'LOGJAM', 'BEAST', 'LUCKY13', 'RC4'])
    assert.equal(findings.find((one) => one.id === id)?.severity, 'OK', id);
  assert.match(finding('HSTS_time'), /365 days/);
  const kinds = findings.filter(({ id }) => /^cert_keySize/.test(id)).map((one) => one.finding);
  assert.match(kinds.join(), /RSA 2048/);
  assert.match(kinds.join(), /EC 256/);
  for (const trust of findings.filter(({ id }) => /^cert_chain_of_trust/.test(id)))
    assert.equal(trust.severity, 'OK', trust.finding);

  const counts = {};
  for (const { severity } of findings) counts[severity] = (counts[severity] ?? 0) + 1;
  t.diagnostic(JSON.stringify(counts));
  const notOk = findings.filter(({ severity }) => !['OK', 'INFO'].includes(severity));
  for (const { id, severity, finding: text } of notOk) t.diagnostic(`${severity} ${id}: ${text}`);
  const bad = notOk.filter(({ id, severity }) =>
    ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity) && !notOurs.test(id));
  assert.deepEqual(bad.map(({ id, severity, finding: text }) => `${severity} ${id}: ${text}`), []);

  assert.ok(oxbow.running);
  assert.equal((await ask(oxbow.port)).text, 'hello\n');
});
