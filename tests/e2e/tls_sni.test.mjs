// Which certificate a client gets: by the name it asks for, by what it can verify, and with what
// stapled to it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { startOxbow, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, certificates, connect, handshakes, kAdmin, kClose, pairOf, refusal, sClient,
  tlsProxyTo } from './tls_client.mjs';

const ca = makeCa({ after });
const named = (...names) => ca.issue({ names });
const first = ca.issue({ names: ['first.example'], ips: ['127.0.0.1'] });
const exact = named('www.shop.example');
const wildcard = named('*.shop.example');
const rsa = ca.issue({ names: ['first.example'], key: 'rsa' });

async function start(t, block, settings) {
  const origin = await startOrigin(t, (request, response) =>
    response.end(JSON.stringify(request.rawHeaders)));
  const oxbow = await startOxbow(t, tlsProxyTo(origin.address, block, { top: kAdmin, ...settings }));
  return { origin, oxbow };
}

const nameFor = async (t, oxbow, servername) =>
  (await connect(t, oxbow.port, { servername })).name.replace('CN=', '');

test('an exact name, one label for a wildcard, and the default', async (t) => {
  const { oxbow } = await start(t, certificates(pairOf(first), pairOf(exact), pairOf(wildcard)));
  for (const [servername, name] of [
    ['first.example', 'first.example'],
    ['www.shop.example', 'www.shop.example'],
    ['WWW.Shop.EXAMPLE', 'www.shop.example'],
    ['api.shop.example', '*.shop.example'],
    ['a.b.shop.example', 'first.example'],
    ['shop.example', 'first.example'],
    ['.shop.example', 'first.example'],
    ['xshop.example', 'first.example'],
    ['www.shop.example.evil.example', 'first.example'],
    ['unknown.example', 'first.example'],
    ['', 'first.example'],
  ])
    assert.equal(await nameFor(t, oxbow, servername), name, servername);
});

test('a certificate can be for other names than its own', async (t) => {
  const { oxbow } = await start(t, certificates(pairOf(first),
    pairOf(exact, 'names: [ other.example, "*.other.example" ]')));
  assert.equal(await nameFor(t, oxbow, 'other.example'), 'www.shop.example');
  assert.equal(await nameFor(t, oxbow, 'a.other.example'), 'www.shop.example');
  assert.equal(await nameFor(t, oxbow, 'www.shop.example'), 'first.example');
});

test('unknown_sni: reject ends the handshake with unrecognized_name', async (t) => {
  const { origin, oxbow } = await start(t,
    `${certificates(pairOf(first), pairOf(wildcard))}, unknown_sni: reject`);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const only = { minVersion: version, maxVersion: version };
    for (const servername of ['unknown.example', 'a.b.shop.example', 'shop.example'])
      assert.equal(await refusal(t, oxbow.port, { servername, ...only }),
        'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    assert.equal((await ask(oxbow.port, { servername: 'a.shop.example', ...only })).status, 200);
  }
  assert.equal(origin.requests, 2);
  assert.equal(await handshakes(oxbow, 'failed'), 6);
});

// An address is no name (RFC 6066, section 3): such a client asks for nothing.
test('by address: the default answers, unless unknown_sni: reject', async (t) => {
  const pairs = certificates(pairOf(first), pairOf(exact));
  const { oxbow } = await start(t, pairs);
  const { status, certificate } = await ask(oxbow.port, { servername: '',
    rejectUnauthorized: true, ca: fs.readFileSync(ca.file) });
  assert.equal(status, 200);
  assert.equal(certificate.subject, 'CN=first.example');
  const { text } = await sClient(oxbow.port, ['-noservername', '-verify_ip', '127.0.0.1',
    '-CAfile', ca.file], kClose);
  assert.match(text, /Verify return code: 0 \(ok\)/);
  const strict = await start(t, `${pairs}, unknown_sni: reject`);
  assert.equal(await refusal(t, strict.oxbow.port, { servername: '' }),
    'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
});

test('RSA and ECDSA side by side: what the client can verify decides', async (t) => {
  const { oxbow } = await start(t, certificates(pairOf(first), pairOf(rsa), pairOf(wildcard)));
  for (const version of ['-tls1_2', '-tls1_3']) {
    for (const [sigalgs, type] of [['RSA-PSS+SHA256', 'RSA-PSS'], ['ECDSA+SHA256', 'ECDSA'],
      ['ECDSA+SHA256:RSA-PSS+SHA256', 'ECDSA']]) {
      const { text } = await sClient(oxbow.port, [version, '-sigalgs', sigalgs, '-servername',
        'first.example', '-CAfile', ca.file], kClose);
      assert.match(text, new RegExp(`^Peer signature type: ${type}$`, 'm'), `${version} ${sigalgs}`);
      assert.match(text, /Verify return code: 0 \(ok\)/);
      assert.match(text, /^HTTP\/1\.1 200 /m);
    }
    const { text } = await sClient(oxbow.port, [version, '-sigalgs', 'RSA-PSS+SHA256',
      '-servername', 'a.shop.example'], kClose);
    assert.match(text, /alert handshake failure/);
  }
});

test('the chain is what the file has', async (t) => {
  const below = ca.issue({ names: ['first.example'], chain: 2 });
  const { oxbow } = await start(t, certificates(pairOf(below)));
  const { text } = await sClient(oxbow.port, ['-CAfile', ca.file, '-verify_return_error',
    '-showcerts'], kClose);
  assert.match(text, /Verify return code: 0 \(ok\)/);
  assert.equal(text.match(/^ \d s:/gm).length, 3);
});

test('OCSP: what is in the file is stapled for who asks', async (t) => {
  const response = ca.ocsp(first);
  const { oxbow } = await start(t,
    certificates(pairOf(first, `ocsp: ${response}`), pairOf(exact)));
  for (const version of ['-tls1_2', '-tls1_3']) {
    const { text } = await sClient(oxbow.port, [version, '-status', '-CAfile', ca.file], kClose);
    assert.match(text, /OCSP Response Status: successful/);
    assert.match(text, /Cert Status: good/);
    const none = await sClient(oxbow.port, [version, '-status', '-servername', 'www.shop.example'],
      kClose);
    assert.match(none.text, /OCSP response: no response sent/);
  }
  const stapled = async (servername, requestOCSP) => {
    const client = await connect(t, oxbow.port, { servername, requestOCSP, maxVersion: 'TLSv1.2' });
    return client.staple;
  };
  assert.deepEqual(await stapled('first.example', true), fs.readFileSync(response));
  assert.equal(await stapled('www.shop.example', true), null);
  assert.equal(await stapled('first.example', false), undefined);
});

test('an OCSP response that has ended, or is of another certificate, is not stapled', async (t) => {
  const other = ca.ocsp(exact);
  const { oxbow } = await start(t, certificates(pairOf(first, `ocsp: ${other}`)));
  assert.match(oxbow.stderr, /\[warning\] [^\n]*ocsp: "[^"\n]*": not stapled: /);
  const { text } = await sClient(oxbow.port, ['-status'], kClose);
  assert.match(text, /OCSP response: no response sent/);
  assert.match(text, /^HTTP\/1\.1 200 /m);
});

// Any bytes but NUL can stand in a name that a client asks for.
test('a name with line ends in it cannot add a field', async (t) => {
  const origin = await startOrigin(t, (request, response) =>
    response.end(JSON.stringify(request.rawHeaders)));
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    tls: { ${certificates(pairOf(first))} }
    access_log: { path: stdout }
    routes:
      - proxy_pass: app
        proxy_set_header: { X-Name: "<$ssl_server_name>" }
        add_header: { X-Name: "<$ssl_server_name>" }
`);
  const valueFor = async (servername) => {
    const { status, text, raw } = await ask(oxbow.port, { servername });
    assert.equal(status, 200);
    const fields = JSON.parse(text);
    for (const list of [fields, raw]) assert.ok(!list.includes('Evil'), `${list}`);
    assert.equal(raw[raw.indexOf('X-Name') + 1], fields[fields.indexOf('X-Name') + 1]);
    return fields[fields.indexOf('X-Name') + 1];
  };
  assert.equal(await valueFor('a\r\nEvil: 1'), '<a%0D%0AEvil%3A%201>');
  assert.equal(await valueFor('a\nEvil: 1'), '<a%0AEvil%3A%201>');
  assert.equal(await valueFor('a b"\x01'), '<a%20b%22%01>');
  assert.equal(await valueFor('www.example'), '<www.example>');
  await until(5000, 'four lines', () => oxbow.stdout.split('\n').length === 5);
  const names = oxbow.stdout.trim().split('\n').map((line) => JSON.parse(line).tls.server_name);
  assert.deepEqual(names, ['a\r\nEvil: 1', 'a\nEvil: 1', 'a b"\x01', 'www.example']);
});
