// Whom oxbow trusts behind an upstream's TLS, what it asks for, and who it says that it is.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe, test } from 'node:test';

import { daysFromNow, makeCa, selfSigned } from './certificates.mjs';
import { binary, run, tempDir } from './harness.mjs';
import { startNginx } from './nginx.mjs';
import { ask, endpointOf, logged, metric, startTlsProxy, tlsProxy, upstreamOf }
  from './observe.mjs';
import { startOpensslServer } from './openssl_server.mjs';
import { startOrigin } from './origin.mjs';
import { served } from './raw_origins.mjs';

const ip = '127.0.0.1';
const ca = makeCa({ after });
const otherCa = makeCa({ after }, { name: 'another CA' });
const good = ca.issue({ names: ['localhost'], ips: [ip] });
const behindTwo = ca.issue({ ips: [ip], chain: 2 });
const revoked = ca.issue({ ips: [ip], chain: 1 });
ca.revoke(revoked);
const revokedRoot = ca.issue({ ips: [ip] });
ca.revoke(revokedRoot);
const crl = ca.crl();

const answer = (request, response) => response.end('served');
const startServer = (t, leaf, options) => startOrigin(t, answer, served(leaf, options));
const trusting = `ca: ${ca.file}`;
const local = ({ port }) => `localhost:${port}`;
const address = ({ port }) => `${ip}:${port}`;

async function checkServes(t, origin, tls, server = origin.address) {
  const oxbow = await startTlsProxy(t, server, tls);
  const { status, body, complete } = await ask(oxbow.url);
  assert.deepEqual({ status, body, complete }, { status: 200, body: 'served', complete: true });
  assert.equal(origin.requests, 1);
  return oxbow;
}

// One request, which ends at the handshake.
async function checkFails(oxbow, origin, token, detail) {
  const { status, proxyStatus, body, complete } = await ask(oxbow.url);
  const [line] = await logged(oxbow, 1);
  if (detail instanceof RegExp) {
    assert.match(line.detail ?? '', detail);
    detail = line.detail;
  }
  assert.deepEqual({ status, proxyStatus, body, complete }, {
    status: 502, proxyStatus: `oxbow; error=${token}; details="${detail}"`,
    body: `502 Bad Gateway: ${detail}\n`, complete: true,
  });
  assert.deepEqual(
    [line.status, line.error, line.detail, line.tries, line.endpoint, line.upstream_status],
    [502, token, detail, 1, origin.address, null]);
  assert.equal(origin.requests ?? 0, 0);
  const { opened, connected, connect_failed, acquired, closed, tls } = await endpointOf(oxbow);
  assert.deepEqual({ opened, connected, connect_failed, acquired, closed },
    { opened: 1, connected: 0, connect_failed: 1, acquired: 0,
      closed: { total: 1, handshake_failed: 1 } });
  assert.deepEqual(tls.handshakes, { full: 0, resumed: 0, failed: 1 });
  assert.equal((await upstreamOf(oxbow)).requests['5xx'], 1);
  assert.deepEqual(await metric(oxbow, 'oxbow_upstream_tls_handshakes_total'),
    { 'result="full"': 0, 'result="resumed"': 0, 'result="failed"': 1 });
  assert.equal((await metric(oxbow, 'oxbow_listener_errors_total'))[`error="${token}"`], 1);
  return tls;
}

async function checkDistrusted(t, leaf, { tls = trusting, reason, detail, server }) {
  const origin = await startServer(t, leaf);
  const oxbow = await startTlsProxy(t, server?.(origin) ?? origin.address, tls);
  const seen = await checkFails(oxbow, origin, 'tls_certificate_error', detail);
  assert.equal(seen.verify, true);
  assert.deepEqual(seen.certificate_errors, { [reason]: 1 });
  const counted = await metric(oxbow, 'oxbow_upstream_tls_certificate_errors_total');
  assert.equal(counted[`reason="${reason}"`], 1);
  assert.equal(Object.values(counted).reduce((sum, count) => sum + count), 1);
}

describe('a certificate that is trusted', { concurrency: 3 }, () => {
  const leaves = {
    'P-256, by a name and an address': good,
    'RSA': ca.issue({ ips: [ip], key: 'rsa' }),
    'behind two intermediates': behindTwo,
    'that begins and ends within the hour':
      ca.issue({ ips: [ip], from: daysFromNow(-0.02), until: daysFromNow(0.02) }),
  };
  for (const [what, leaf] of Object.entries(leaves)) {
    test(what, async (t) => {
      const origin = await startServer(t, leaf);
      const oxbow = await checkServes(t, origin, trusting);
      assert.deepEqual((await upstreamOf(oxbow)).warnings, []);
      const { tls, closed } = await endpointOf(oxbow);
      assert.equal(tls.verify, true);
      assert.deepEqual(tls.handshakes, { full: 1, resumed: 0, failed: 0 });
      assert.deepEqual(tls.certificate_errors, {});
      assert.deepEqual(closed, { total: 0 });
      assert.doesNotMatch(oxbow.stderr, /warning/);
    });
  }
  test('not revoked, with lists of every CA in its chain', async (t) =>
    checkServes(t, await startServer(t, good), `${trusting}\ncrl: ${crl}`));
  test('one of several CAs in the file', async (t) => {
    const both = `${tempDir(t)}/both.pem`;
    fs.writeFileSync(both, [otherCa, ca].map(({ file }) => fs.readFileSync(file, 'utf8')).join(''));
    await checkServes(t, await startServer(t, good), `ca: ${both}`);
  });
  test('a wildcard is one label', async (t) => {
    const leaf = ca.issue({ names: ['*.internal.test'] });
    await checkServes(t, await startServer(t, leaf), `${trusting}\nsni: api.internal.test`);
  });
});

describe('E.6 a certificate that is not to be trusted', { concurrency: 3 }, () => {
  const cases = {
    'has expired': [ca.issue({ ips: [ip], until: daysFromNow(-1) }),
      { reason: 'expired', detail: 'certificate has expired' }],
    'has not begun': [ca.issue({ ips: [ip], from: daysFromNow(1) }),
      { reason: 'not_yet_valid', detail: 'certificate is not yet valid' }],
    'is behind a CA that has expired':
      [ca.intermediate({ until: daysFromNow(-1) }).issue({ ips: [ip] }),
        { reason: 'expired', detail: 'certificate has expired' }],
    'is signed by itself': [selfSigned({ after }, { ips: [ip] }),
      { reason: 'self_signed', detail: 'self-signed certificate' }],
    'is of an unknown CA': [otherCa.issue({ ips: [ip] }),
      { reason: 'unknown_ca', detail: 'unable to get local issuer certificate' }],
    'comes without those between': [{ ...behindTwo, chainFile: behindTwo.cert },
      { reason: 'unknown_ca', detail: 'unable to get local issuer certificate' }],
    'is of a CA that the system does not know': [good,
      { tls: 'verify: on', reason: 'unknown_ca',
        detail: 'unable to get local issuer certificate' }],
    'is for another name': [ca.issue({ names: ['other.test'], ips: [ip] }),
      { server: local, reason: 'wrong_name', detail: 'hostname mismatch' }],
    'is for another address': [ca.issue({ names: ['localhost'], ips: ['127.0.0.2', '::1'] }),
      { reason: 'wrong_name', detail: 'IP address mismatch' }],
    'has the address as a name': [ca.issue({ names: [ip] }),
      { reason: 'wrong_name', detail: 'IP address mismatch' }],
    'is for a wildcard, two labels above': [ca.issue({ names: ['*.test'] }),
      { tls: `${trusting}\nverify_name: a.b.test`, reason: 'wrong_name',
        detail: 'hostname mismatch' }],
    'has the name up to a NUL': [ca.issue({ names: ['localhost\0.evil.test'] }),
      { server: local, reason: 'wrong_name', detail: 'hostname mismatch' }],
    // RFC 9110, section 4.3.4: a common name is no identity.
    'has the name as its common name only': [ca.issue({ name: 'localhost' }),
      { server: local, reason: 'wrong_name', detail: 'hostname mismatch' }],
    'is for clients': [ca.issue({ ips: [ip], usage: 'clientAuth' }),
      { reason: 'other', detail: /^uns\w+ certificate purpose$/ }],
    'is revoked': [revokedRoot,
      { tls: `${trusting}\ncrl: ${crl}`, reason: 'revoked', detail: 'certificate revoked' }],
    'is revoked by an intermediate': [revoked,
      { tls: `${trusting}\ncrl: ${crl}`, reason: 'revoked', detail: 'certificate revoked' }],
    'is of a CA without a list of revoked ones':
      [otherCa.issue({ ips: [ip] }), { tls: `ca: ${otherCa.file}\ncrl: ${crl}`, reason: 'other',
        detail: 'unable to get certificate CRL' }],
    'is further from a CA than verify_depth': [behindTwo,
      { tls: `${trusting}\nverify_depth: 1`, reason: 'other',
        detail: 'certificate chain too long' }],
  };
  for (const [what, [leaf, options]] of Object.entries(cases))
    test(what, (t) => checkDistrusted(t, leaf, options));
});

test('verify: off serves, and everybody is told', async (t) => {
  const origin = await startServer(t, selfSigned(t, { names: ['nobody.test'] }));
  const oxbow = await checkServes(t, origin, 'verify: off');
  const warning = 'upstreams.app.tls.verify: off: whoever stands between oxbow and the servers of'
    + ' "app" can read and change everything';
  assert.ok(oxbow.stderr.includes(warning), oxbow.stderr);
  const checked = await run(binary, ['check', '-c', oxbow.file]);
  assert.equal(checked.code, 0);
  assert.ok((checked.stdout + checked.stderr).includes(warning), checked.stdout + checked.stderr);
  const upstream = await upstreamOf(oxbow);
  assert.deepEqual(upstream.warnings, ['tls verify is off']);
  assert.equal(upstream.endpoints[0].tls.verify, false);
});

describe('the name that is asked for', { concurrency: 3 }, () => {
  const named = ca.issue({ names: ['api.test'] });
  const cases = {
    'that of the server': { leaf: good, server: local, name: 'localhost' },
    'none for an address': { leaf: good, server: address, name: null },
    'none with sni: off, and the server\'s is verified':
      { leaf: good, server: local, tls: 'sni: off', name: null },
    'sni': { leaf: named, server: address, tls: 'sni: api.test', name: 'api.test' },
    'verify_name is not asked for': { leaf: named, server: local, tls: 'verify_name: api.test',
      name: 'localhost' },
    'verify_name goes before sni': { leaf: named, server: address,
      tls: 'sni: front.test\nverify_name: api.test', name: 'front.test' },
    'verify_name is an address': { leaf: good, server: local,
      tls: `sni: front.test\nverify_name: ${ip}`, name: 'front.test' },
  };
  for (const [what, { leaf, server, tls = '', name }] of Object.entries(cases)) {
    test(what, async (t) => {
      const origin = await startServer(t, leaf);
      await checkServes(t, origin, `${trusting}\n${tls}`, server(origin));
      assert.deepEqual(origin.handshakes.map((handshake) => handshake.name), [name]);
    });
  }
  test('sni is what is verified', (t) => checkDistrusted(t, good,
    { tls: `${trusting}\nsni: api.test`, reason: 'wrong_name', detail: 'hostname mismatch' }));
});

describe('the client certificate', { concurrency: 3 }, () => {
  const mine = ca.issue({ name: 'oxbow itself', usage: 'clientAuth', chain: 1 });
  const demand = (version) => `ssl_verify_client on; ssl_verify_depth 3; ssl_protocols ${version};
    ssl_client_certificate ${ca.file};`;
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`${version}: its encrypted key is opened with password_file`, async (t) => {
      const nginx = await startNginx(t, demand(version), { tls: good });
      fs.writeFileSync(`${nginx.root}/page`, 'served');
      const { key, passwordFile } = ca.encryptKey(mine, 'a pass: "word"');
      const oxbow = await startTlsProxy(t, nginx.address, `${trusting}
        certificate: ${mine.chainFile}
        certificate_key: ${key}
        password_file: ${passwordFile}`);
      assert.equal((await ask(`${oxbow.url}/page`)).body, 'served');
      const [seen] = await nginx.seen(1);
      assert.equal(seen.client, 'CN=oxbow itself');
      assert.equal(seen.version, version);
    });
    // nginx goes on without one and says so in HTTP.
    test(`${version}: without one nginx answers 400`, async (t) => {
      const nginx = await startNginx(t, demand(version), { tls: good });
      const oxbow = await startTlsProxy(t, nginx.address, trusting);
      const { status, body, proxyStatus } = await ask(`${oxbow.url}/page`);
      assert.equal(status, 400);
      assert.match(body, /No required SSL certificate was sent/);
      assert.equal(proxyStatus, undefined);
    });
  }
  test('TLSv1.2: without one OpenSSL refuses the handshake', async (t) => {
    const origin = await startOpensslServer(t, good,
      ['-tls1_2', '-Verify', '2', '-verify_return_error', '-CAfile', ca.file]);
    const oxbow = await startTlsProxy(t, origin.address, trusting);
    await checkFails(oxbow, origin, 'tls_alert_received', 'handshake failure');
  });
  // RFC 8446, section 4.4.2.4: the alert comes when for the client the handshake is over.
  test('TLSv1.3: without one OpenSSL refuses the request', async (t) => {
    const origin = await startOpensslServer(t, good,
      ['-tls1_3', '-Verify', '2', '-verify_return_error', '-CAfile', ca.file]);
    const oxbow = await startTlsProxy(t, origin.address, trusting);
    // It may be there before the request is sent.
    for (let tries = 1; tries <= 10; ++tries) {
      const { status, proxyStatus, complete } = await ask(oxbow.url);
      assert.deepEqual({ status, complete }, { status: 502, complete: true });
      // OpenSSL 3.0 has no text for certificate_required (116).
      assert.match(proxyStatus,
        /^oxbow; error=tls_alert_received; details="(unknown|certificate required)"$/);
    }
    for (const { error, tries } of await logged(oxbow, 10))
      assert.deepEqual({ error, tries }, { error: 'tls_alert_received', tries: 1 });
    assert.equal(
      (await metric(oxbow, 'oxbow_listener_errors_total'))['error="tls_alert_received"'], 10);
  });
  test('a key for another certificate, or a wrong password: nothing starts', async (t) => {
    const { key } = ca.encryptKey(mine, 'right');
    const dir = tempDir(t);
    fs.writeFileSync(`${dir}/wrong`, 'wrong\n');
    for (const tls of [`certificate: ${mine.chainFile}\ncertificate_key: ${good.key}`,
      `certificate: ${mine.chainFile}\ncertificate_key: ${key}\npassword_file: ${dir}/wrong`]) {
      fs.writeFileSync(`${dir}/oxbow.yaml`, tlsProxy('127.0.0.1:1', `${trusting}\n${tls}`));
      const { code, stderr } = await run(binary, ['run', '-c', `${dir}/oxbow.yaml`]);
      assert.notEqual(code, 0);
      assert.match(stderr, /oxbow\.yaml:\d+:\d+: upstreams\.app\.tls\.\w+: /);
      assert.doesNotMatch(stderr, /listening/);
    }
  });
});

describe('versions and ciphers', { concurrency: 3 }, () => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  const only = (version) => ({ minVersion: version, maxVersion: version });
  const agreed = {
    'the newest': [{}, '', 'TLSv1.3'],
    'max_version: TLSv1.2': [{}, 'max_version: TLSv1.2', 'TLSv1.2'],
    'a server of TLS 1.2': [only('TLSv1.2'), '', 'TLSv1.2'],
    'ciphers': [only('TLSv1.2'), 'ciphers: ECDHE-ECDSA-CHACHA20-POLY1305', 'TLSv1.2',
      'ECDHE-ECDSA-CHACHA20-POLY1305'],
    'ciphersuites': [{}, 'ciphersuites: TLS_AES_128_GCM_SHA256', 'TLSv1.3',
      'TLS_AES_128_GCM_SHA256'],
    'groups': [{ ecdhCurve: 'P-384' }, 'groups: P-256:P-384', 'TLSv1.3'],
  };
  for (const [what, [options, tls, version, cipher]] of Object.entries(agreed)) {
    test(`agreed: ${what}`, async (t) => {
      const origin = await startServer(t, good, options);
      await checkServes(t, origin, `${trusting}\n${tls}`);
      assert.equal(origin.handshakes[0].version, version);
      if (cipher !== undefined) assert.equal(origin.handshakes[0].cipher, cipher);
    });
  }
  const refused = {
    'a server of TLS 1.1': [old, '', 'tls_alert_received', 'protocol version'],
    'a server of TLS 1.1 that goes on with it':
      [old, 'max_version: TLSv1.2\nciphers: ECDHE-ECDSA-AES256-SHA', 'tls_protocol_error',
        'unsupported protocol'],
    'a server of TLS 1.2, with min_version: TLSv1.3':
      [only('TLSv1.2'), 'min_version: TLSv1.3', 'tls_alert_received', 'protocol version'],
    'a server of TLS 1.3, with max_version: TLSv1.2':
      [only('TLSv1.3'), 'max_version: TLSv1.2', 'tls_alert_received', 'protocol version'],
    'no cipher in common': [{ ...only('TLSv1.2'), ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      'ciphers: ECDHE-ECDSA-AES128-GCM-SHA256', 'tls_alert_received', 'handshake failure'],
    'no group in common': [{ ecdhCurve: 'P-384' }, 'groups: P-256', 'tls_alert_received',
      'handshake failure'],
  };
  for (const [what, [options, tls, token, detail]] of Object.entries(refused)) {
    test(`refused: ${what}`, async (t) => {
      const origin = await startServer(t, good, options);
      const oxbow = await startTlsProxy(t, origin.address, `${trusting}\n${tls}`);
      const seen = await checkFails(oxbow, origin, token, detail);
      assert.deepEqual(seen.certificate_errors, {});
    });
  }
});
