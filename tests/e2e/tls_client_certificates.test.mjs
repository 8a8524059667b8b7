// Clients that show certificates: who is let in, what the origin and the log learn of them, and
// that none comes to one host by what it showed to another.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { after, test } from 'node:test';

import { daysFromNow, makeCa, selfSigned } from './certificates.mjs';
import { startOxbow, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, certificates, connect, handshakes, kAdmin, pairOf, refusal, sClient } from
  './tls_client.mjs';

const suite = { after };
const ca = makeCa(suite);
const server = ca.issue({ names: ['localhost', 'open.example', 'a.example', 'b.example'] });
const clients = makeCa(suite, { name: 'clients' });
const others = makeCa(suite, { name: 'others' });
const good = clients.issue({ names: ['good'], usage: 'clientAuth' });
const revoked = clients.issue({ names: ['revoked'], usage: 'clientAuth' });
const expired = clients.issue({ names: ['expired'], usage: 'clientAuth', from: daysFromNow(-9),
  until: daysFromNow(-1) });
const ofServers = clients.issue({ names: ['server'], usage: 'serverAuth' });
const foreign = others.issue({ names: ['foreign'], usage: 'clientAuth' });
const below = clients.issue({ names: ['below'], usage: 'clientAuth', chain: 1 });
const self = selfSigned(suite, { names: ['self'] });
clients.revoke(revoked);
const crl = clients.crl();

const shows = ({ chainFile, key }) =>
  ({ cert: fs.readFileSync(chainFile), key: fs.readFileSync(key) });
const fingerprintOf = ({ cert }) =>
  new X509Certificate(fs.readFileSync(cert)).fingerprint256.replaceAll(':', '').toLowerCase();

const kFields = `proxy_set_header:
          X-Client-Verify: $ssl_client_verify
          X-Client-Subject: $ssl_client_s_dn
          X-Client-Fingerprint: $ssl_client_fingerprint
          X-Tls: "$ssl_protocol $ssl_cipher $ssl_server_name $ssl_session_reused $scheme"`;

async function start(t, block, { pairs = certificates(pairOf(server)), log = 'json' } = {}) {
  const origin = await startOrigin(t, (request, response) =>
    response.end(JSON.stringify(request.headers)));
  const oxbow = await startOxbow(t, `
${kAdmin}
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: stdout, format: ${log} }
    tls: { ${pairs}, ${block} }
    routes:
      - proxy_pass: app
        ${kFields}
`);
  return { origin, oxbow };
}

const only = (version) => ({ minVersion: version, maxVersion: version });
const lines = (oxbow, count) => until(5000, `${count} lines`, () => {
  const all = oxbow.stdout.split('\n').slice(0, -1);
  return all.length >= count && all;
});

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  const none = version === 'TLSv1.2' ? 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'
    : 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';

  test(`require, ${version}: a good certificate is served, others get their alert`, async (t) => {
    const { origin, oxbow } = await start(t,
      `client_certificates: { verify: require, ca: ${clients.file}, crl: ${crl} }`);
    const refused = async (leaf) =>
      refusal(t, oxbow.port, { ...only(version), ...(leaf === null ? {} : shows(leaf)) });
    assert.equal(await refused(null), none);
    assert.equal(await refused(foreign), 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    assert.equal(await refused(self), 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    assert.equal(await refused(revoked), 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED');
    assert.equal(await refused(expired), 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED');
    assert.equal(await refused(ofServers), 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE');
    assert.equal(origin.connections.opened, 0);
    assert.equal(await handshakes(oxbow, 'failed'), 6);
    assert.equal(oxbow.stdout, '');
    for (const leaf of [good, below]) {
      const { status, text } = await ask(oxbow.port, { ...only(version), ...shows(leaf) });
      assert.equal(status, 200);
      assert.equal(JSON.parse(text)['x-client-verify'], 'SUCCESS');
    }
    assert.equal(origin.requests, 2);
    assert.match(oxbow.stderr, /TLS handshake failed: certificate revoked/);
    assert.match(oxbow.stderr, /TLS handshake failed: certificate has expired/);
  });

  test(`optional, ${version}: none is NONE, a bad one is a 400, a good one SUCCESS`, async (t) => {
    const { origin, oxbow } = await start(t,
      `client_certificates: { verify: optional, ca: ${clients.file}, crl: ${crl} }`);
    const nobody = JSON.parse((await ask(oxbow.port, only(version))).text);
    assert.equal(nobody['x-client-verify'], 'NONE');
    assert.equal(nobody['x-client-subject'] ?? '', '');
    assert.equal(nobody['x-client-fingerprint'] ?? '', '');
    for (const leaf of [foreign, self, revoked, expired, ofServers]) {
      const { status, text, headers } = await ask(oxbow.port, { ...only(version), ...shows(leaf) });
      assert.equal(status, 400);
      assert.equal(text, "400 Bad Request: the client's certificate is not valid\n");
      assert.match(headers['proxy-status'], /error=http_request_error/);
    }
    assert.equal(origin.requests, 1);
    const known = JSON.parse((await ask(oxbow.port, { ...only(version), ...shows(good) })).text);
    assert.equal(known['x-client-verify'], 'SUCCESS');
    assert.equal(origin.requests, 2);
  });

  test(`optional, ${version}: a bad certificate stays bad in a resumed session`, async (t) => {
    const { origin, oxbow } = await start(t,
      `client_certificates: { verify: optional, ca: ${clients.file} }`);
    const options = { ...only(version), ...shows(foreign) };
    const first = await connect(t, oxbow.port, options);
    first.get();
    await first.hears('not valid');
    if (first.sessions.length > 0) {
      const second = await connect(t, oxbow.port, { ...options, session: first.sessions.at(-1) });
      second.get();
      await second.hears(/^HTTP\/1\.1 400 /);
    }
    assert.equal(origin.requests, 0);
  });

  test(`the certificate is known on a resumed session too, ${version}`, async (t) => {
    const { oxbow } = await start(t,
      `client_certificates: { verify: require, ca: ${clients.file} }`);
    const options = { ...only(version), ...shows(good) };
    const first = await connect(t, oxbow.port, options);
    first.get();
    await first.hears('SUCCESS');
    await until(5000, 'a session', () => first.sessions.length > 0);
    const second = await ask(oxbow.port, { ...options, session: first.sessions.at(-1) });
    assert.equal(second.reused, true);
    const fields = JSON.parse(second.text);
    assert.equal(fields['x-client-verify'], 'SUCCESS');
    assert.equal(fields['x-client-subject'], 'CN=good');
    assert.equal(fields['x-client-fingerprint'], fingerprintOf(good));
    assert.match(fields['x-tls'], / r https$/);
  });
}

test('the names of the CA are told to clients, which choose by them', async (t) => {
  const { oxbow } = await start(t,
    `client_certificates: { verify: optional, ca: ${clients.file} }`);
  const { text } = await sClient(oxbow.port, [], 'Q\n', { stays: false });
  assert.match(text, /Acceptable client certificate CA names\nCN = clients\n/);
});

test('the origin learns of the certificate from oxbow alone', async (t) => {
  const { oxbow } = await start(t,
    `client_certificates: { verify: optional, ca: ${clients.file} }`);
  const forged = { 'X-Client-Verify': ['SUCCESS', 'SUCCESS'], 'x-client-subject': 'CN=root',
    'X-CLIENT-FINGERPRINT': 'ff', X_Client_Subject: 'CN=root', 'X-Tls': 'forged' };
  const { text } = await ask(oxbow.port, { headers: forged, ...shows(good) });
  assert.doesNotMatch(text, /root|"ff"|forged/);
  const fields = JSON.parse(text);
  assert.equal(fields['x-client-verify'], 'SUCCESS');
  assert.equal(fields['x-client-subject'], 'CN=good');
  assert.equal(fields['x-client-fingerprint'], fingerprintOf(good));
  assert.match(fields['x-tls'], /^TLSv1\.3 TLS_\w+ localhost \. https$/);
  const nobody = await ask(oxbow.port, { headers: forged });
  assert.doesNotMatch(nobody.text, /root|"ff"|forged|SUCCESS/);
});

test('a subject cannot break a field or a line of the log', async (t) => {
  const { oxbow } = await start(t,
    `client_certificates: { verify: require, ca: ${clients.file} }`);
  const odd = clients.issue({ name: 'a, "b"\\\\ c=\r\nX-Evil: 1 é', names: ['odd'] });
  const { status, text } = await ask(oxbow.port, shows(odd));
  assert.equal(status, 200, text);
  const fields = JSON.parse(text);
  assert.equal(fields['x-evil'], undefined);
  assert.match(fields['x-client-subject'], /^[!-~ ]+$/);
  const [line] = await lines(oxbow, 1);
  assert.match(JSON.parse(line).tls.client_subject, /^CN=a\\, \\"b\\"\\\\ c=/);
});

test('the access log: an object in JSON, keys at the end in text', async (t) => {
  const block = `client_certificates: { verify: optional, ca: ${clients.file} }`;
  const json = await start(t, block);
  const first = await connect(t, json.oxbow.port, shows(good));
  first.get();
  await first.hears('SUCCESS');
  await ask(json.oxbow.port, { ...shows(good), session: first.sessions.at(-1) });
  await ask(json.oxbow.port, { servername: '', maxVersion: 'TLSv1.2' });
  await ask(json.oxbow.port, shows(foreign));
  const seen = (await lines(json.oxbow, 4)).map((line) => JSON.parse(line));
  const cipher = seen[0].tls.cipher;
  assert.match(cipher, /^TLS_/);
  const known = { client_verify: 'SUCCESS', client_subject: 'CN=good',
    client_fingerprint: fingerprintOf(good) };
  assert.deepEqual(seen[0].tls, { version: 'TLSv1.3', cipher, server_name: 'localhost',
    resumed: false, ...known });
  assert.deepEqual(seen[1].tls, { version: 'TLSv1.3', cipher, server_name: 'localhost',
    resumed: true, ...known });
  assert.deepEqual(seen[2].tls, { version: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    server_name: null, resumed: false, client_verify: 'NONE', client_subject: null,
    client_fingerprint: null });
  assert.equal(seen[3].status, 400);
  assert.match(seen[3].tls.client_verify, /^FAILED:unable to (get local issuer|verify)/);
  assert.equal(seen[3].tls.client_fingerprint, fingerprintOf(foreign));

  const text = await start(t, block, { log: 'text' });
  await ask(text.oxbow.port, shows(good));
  await ask(text.oxbow.port, { servername: '' });
  const [withOne, without] = await lines(text.oxbow, 2);
  assert.ok(withOne.endsWith(` tls="TLSv1.3 ${cipher}" tls_sni="localhost" tls_resumed=0 ` +
    `tls_client="SUCCESS" tls_subject="CN=good" tls_fingerprint=${fingerprintOf(good)}`), withOne);
  assert.ok(without.endsWith(` tls="TLSv1.3 ${cipher}" tls_sni="-" tls_resumed=0 ` +
    'tls_client="NONE" tls_subject="-" tls_fingerprint=-'), without);
});

// Three hosts of one listener: open to all, and two with CAs of their own.
function hosts(t) {
  const leaf = (name) => ca.issue({ names: [name] });
  const verify = ({ file }) => `client_certificates: { verify: require, ca: ${file} }`;
  return start(t, 'session_tickets: on', { pairs: certificates(pairOf(leaf('open.example')),
    pairOf(leaf('a.example'), verify(clients)), pairOf(leaf('b.example'), verify(others)),
    pairOf(leaf('a2.example'), verify(clients))) });
}

const ofA = shows(good);
const ofB = shows(foreign);

async function sessionAt(t, oxbow, servername, options) {
  const client = await connect(t, oxbow.port, { servername, ...options });
  client.get('/', `Host: ${servername}`);
  await client.hears(/^HTTP\/1\.1 200 /);
  await until(5000, 'a session', () => client.sessions.length > 0);
  return client.sessions.at(-1);
}

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(`E.2 a session of one host opens none with other client CAs, ${version}`, async (t) => {
    const { origin, oxbow } = await hosts(t);
    const none = version === 'TLSv1.2' ? 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'
      : 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';
    const session = await sessionAt(t, oxbow, 'a.example', { ...only(version), ...ofA });
    const open = await sessionAt(t, oxbow, 'open.example', only(version));
    const before = origin.requests;
    const at = (servername, options) =>
      refusal(t, oxbow.port, { servername, ...only(version), ...options });
    assert.equal(await at('b.example', { session }), none);
    assert.equal(await at('b.example', { session, ...ofA }), 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    assert.equal(await at('b.example', { session: open }), none);
    assert.equal(await at('a.example', { session: open }), none);
    assert.equal(origin.requests, before);
    assert.equal(await handshakes(oxbow, 'resumed'), 0);
    // Verified in full, and only then.
    const full = await ask(oxbow.port, { servername: 'b.example', session, ...only(version), ...ofB,
      headers: { Host: 'b.example' } });
    assert.equal(full.status, 200);
    assert.equal(full.reused, false);
    assert.equal(JSON.parse(full.text)['x-client-subject'], 'CN=foreign');
    const own = await ask(oxbow.port, { servername: 'a.example', session, ...only(version), ...ofA,
      headers: { Host: 'a.example' } });
    assert.equal(own.reused, true);
  });
}

test('E.2 nor does a session of a verified host stay verified at the open one', async (t) => {
  const { oxbow } = await hosts(t);
  const session = await sessionAt(t, oxbow, 'a.example', ofA);
  const { status, text } = await ask(oxbow.port, { servername: 'open.example', session,
    headers: { Host: 'open.example' } });
  assert.equal(status, 200);
  assert.equal(JSON.parse(text)['x-client-subject'] ?? '', '');
});

test('E.3 SNI and Host with different verification of clients: 421', async (t) => {
  const { origin, oxbow } = await hosts(t);
  const asked = async (servername, target, host, options) => {
    const client = await connect(t, oxbow.port, { servername, ...options });
    client.get(target, `Host: ${host}`, 'Connection: close');
    await client.ends();
    return { status: Number(client.text.split(' ')[1]), text: client.text };
  };
  for (const [servername, target, host, options] of [
    ['open.example', '/', 'a.example', {}],
    ['open.example', '/', 'A.EXAMPLE', {}],
    ['open.example', '/', 'a.example:8443', {}],
    ['open.example', 'http://a.example/', 'open.example', {}],
    ['open.example', 'https://a.example:443/', 'open.example', {}],
    ['', '/', 'a.example', {}],
    ['unknown.example', '/', 'b.example', {}],
    ['a.example', '/', 'b.example', ofA],
    ['a.example', '/', 'open.example', ofA],
    ['a.example', '/', '127.0.0.1', ofA],
    ['b.example', '/', 'a2.example', ofB],
  ]) {
    const { status, text } = await asked(servername, target, host, options);
    assert.equal(status, 421, `${servername} ${target} ${host}`);
    assert.match(text, /\r\nProxy-Status: oxbow; error=http_request_error/);
  }
  assert.equal(origin.connections.opened, 0);
  for (const [servername, target, host, options] of [
    ['open.example', '/', 'open.example', {}],
    ['open.example', '/', 'unknown.example', {}],
    ['', '/', '127.0.0.1', {}],
    ['a.example', '/', 'a.example:8443', ofA],
    ['a.example', '/', 'a2.example', ofA],  // the same CA: the same clients
    ['a.example', 'http://a.example/', 'b.example', ofA],  // the target wins
  ])
    assert.equal((await asked(servername, target, host, options)).status, 200,
      `${servername} ${target} ${host}`);
  assert.equal(origin.requests, 6);
});

test('E.3 each request of a connection is judged; a 421 ends it', async (t) => {
  const { origin, oxbow } = await hosts(t);
  const client = await connect(t, oxbow.port, { servername: 'open.example' });
  client.write('GET / HTTP/1.1\r\nHost: open.example\r\n\r\n' +
    'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello' +
    'GET / HTTP/1.1\r\nHost: open.example\r\n\r\n');
  assert.equal(await client.ends(), null);
  assert.match(client.text, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 421 [^]*\r\nConnection: close\r\n/);
  assert.doesNotMatch(client.text, / 421 [^]*HTTP\/1\.1 /);
  assert.equal(origin.requests, 1);
});

test('without a verification per host any Host will do', async (t) => {
  const { oxbow } = await start(t,
    `client_certificates: { verify: require, ca: ${clients.file} }`,
    { pairs: certificates(pairOf(ca.issue({ names: ['a.example'] })), pairOf(server)) });
  const { status } = await ask(oxbow.port, { servername: 'a.example', ...shows(good),
    headers: { Host: 'b.example' } });
  assert.equal(status, 200);
});
