// Certificates and keys that change while oxbow runs, and those that it does not take at all.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { atEnd, binary, run, startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, connect, kAdmin, metric } from './tls_client.mjs';

const ca = makeCa({ after });
const old = ca.issue({ names: ['old.example'] });
const fresh = ca.issue({ names: ['fresh.example'] });
const rsa = ca.issue({ names: ['rsa.example'], key: 'rsa' });

const yaml = (address, pair, top = '') => `
${kAdmin}
${top}
upstreams: { app: { servers: [ "${address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    tls: { certificates: [ ${pair} ] }
    routes: [ { proxy_pass: app } ]
`;

// A file that is never half there.
function put(from, to, mode = 0o600) {
  fs.copyFileSync(from, `${to}.new`);
  fs.chmodSync(`${to}.new`, mode);
  fs.renameSync(`${to}.new`, to);
}

// The pair in a folder, where it can be replaced.
async function start(t, { watch = 'off' } = {}) {
  const dir = tempDir(t);
  const cert = path.join(dir, 'site.pem');
  const key = path.join(dir, 'site.key');
  put(old.cert, cert, 0o644);
  put(old.key, key);
  const origin = await startOrigin(t, (request, response) => response.end('served'));
  const text = yaml(origin.address, `{ cert: ${cert}, key: ${key} }`, `watch: ${watch}`);
  return { oxbow: await startOxbow(t, text), cert, key, origin };
}

const nameOf = async (t, oxbow) => {
  const client = await connect(t, oxbow.port, { servername: '' });
  const name = client.name.replace('CN=', '');
  await client.close();
  return name;
};
const isServing = async (t, oxbow, name) => {
  assert.equal(await nameOf(t, oxbow), name);
  assert.equal((await ask(oxbow.port)).text, 'served');
};
const becomes = (t, oxbow, name) =>
  until(5000, name, async () => await nameOf(t, oxbow) === name);
const says = async (oxbow, what, from = 0) => {
  await until(5000, `${what}`, () => what.test(oxbow.stderr.slice(from)))
    .catch(() => assert.match(oxbow.stderr.slice(from), what));
};
const reloads = (oxbow, result) => metric(oxbow, 'oxbow_tls_reloads_total', { result });

test('E.9 a key that does not match: the old pair stays, by SIGHUP and by the files', async (t) => {
  const { oxbow, cert, key } = await start(t);
  put(fresh.key, key);
  await says(oxbow, /\[error\] [^\n]*certificates\[0\][^\n]*what was loaded before stays/);
  assert.match(oxbow.stderr, /site\.key": the key does not belong to the certificate; /);
  await isServing(t, oxbow, 'old.example');
  assert.ok(await reloads(oxbow, 'refused') >= 1);
  assert.equal(await reloads(oxbow, 'applied'), 0);

  const before = oxbow.stderr.length;
  oxbow.signal('SIGHUP');
  await says(oxbow, /\[error\] [^\n]*does not belong to the certificate/, before);
  await isServing(t, oxbow, 'old.example');
  assert.equal(await metric(oxbow, 'oxbow_reloads_total', { result: 'refused' }), 1);
  assert.equal(await metric(oxbow, 'oxbow_config_generation'), 1);

  put(fresh.cert, cert, 0o644);
  await becomes(t, oxbow, 'fresh.example');
  assert.equal(await reloads(oxbow, 'applied'), 1);
});

test('E.9 so it does behind a broken, an empty and a missing file', async (t) => {
  const { oxbow, cert, key } = await start(t);
  const faults = [
    () => fs.writeFileSync(cert, 'no certificate\n'),
    () => fs.writeFileSync(cert, ''),
    () => fs.writeFileSync(cert, fs.readFileSync(fresh.cert, 'utf8').slice(0, 300)),
  ];
  for (const fault of faults) {
    const before = oxbow.stderr.length;
    fault();
    await says(oxbow, /\[error\] [^\n]*what was loaded before stays/, before);
    await isServing(t, oxbow, 'old.example');
  }
  fs.rmSync(cert);
  oxbow.signal('SIGHUP');
  await says(oxbow, /\[error\] [^\n]*site\.pem": no such file/);
  await isServing(t, oxbow, 'old.example');
  put(fresh.cert, cert, 0o644);
  put(fresh.key, key);
  await becomes(t, oxbow, 'fresh.example');
});

test('E.9 a new configuration with a wrong pair changes nothing at all', async (t) => {
  const { oxbow, origin } = await start(t);
  const now = fs.readFileSync(oxbow.file, 'utf8');
  fs.writeFileSync(oxbow.file, yaml(origin.address, `{ cert: ${fresh.cert}, key: ${old.key} }`)
    .replace('proxy_pass: app', 'return: 204'));
  oxbow.signal('SIGHUP');
  await says(oxbow, /\[error\] [^\n]*tls\.certificates\[0\][^\n]*does not belong to the cert/);
  await isServing(t, oxbow, 'old.example');
  const { status, text } = await ask(oxbow.adminPort,
    { secure: false, method: 'POST', path: '/api/reload' });
  assert.equal(status, 422);
  const { applied, problems, error } = JSON.parse(text);
  assert.equal(applied, false);
  assert.match(JSON.stringify(problems ?? error), /does not belong to the certificate/);
  fs.writeFileSync(oxbow.file, now);
});

test('a new pair under load: no request fails, new handshakes see it', async (t) => {
  const { oxbow, cert, key } = await start(t);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4 });
  atEnd(t, () => agent.destroy());
  let over = false;
  let count = 0;
  const names = new Set();
  const client = async (options) => {
    while (!over) {
      const result = await ask(oxbow.port, options);
      assert.deepEqual([result.status, result.text, result.cut, result.code],
        [200, 'served', false, undefined]);
      if (!options.agent) names.add(result.certificate.subject);
      ++count;
    }
  };
  const clients = [...Array.from({ length: 4 }, () => client({ agent })),
    ...Array.from({ length: 4 }, () => client({}))];
  const failed = Promise.all(clients);
  failed.catch(() => { over = true; });
  const pairs = [fresh, rsa, old, fresh];
  for (const [i, leaf] of pairs.entries()) {
    const before = count;
    put(leaf.cert, cert, 0o644);
    put(leaf.key, key);
    await becomes(t, oxbow, leaf.cert === rsa.cert ? 'rsa.example'
      : leaf.cert === old.cert ? 'old.example' : 'fresh.example');
    if (i === 1) oxbow.signal('SIGHUP');
    await until(10000, 'requests', () => over || count >= before + 40);
  }
  over = true;
  await failed;
  assert.deepEqual([...names].sort(), ['CN=fresh.example', 'CN=old.example', 'CN=rsa.example']);
  assert.ok(count >= 160, `${count}`);
  assert.equal(await metric(oxbow, 'oxbow_listener_connections_ended_total', { reason: 'cut' }), 0);
});

test('an established connection keeps the pair that it began with', async (t) => {
  const { oxbow, cert, key } = await start(t);
  const client = await connect(t, oxbow.port);
  client.get();
  await client.hears('served');
  put(fresh.cert, cert, 0o644);
  put(fresh.key, key);
  await becomes(t, oxbow, 'fresh.example');
  client.received = Buffer.alloc(0);
  client.get();
  await client.hears('served');
  assert.equal(client.name, 'CN=old.example');
  assert.equal(client.error, null);
});

// As a Secret is mounted: the files are links into a folder behind a link that is renamed over.
test('a folder that is swapped as Kubernetes does', async (t) => {
  const dir = tempDir(t);
  const at = (...names) => path.join(dir, ...names);
  const mount = (version, leaf) => {
    fs.mkdirSync(at(version));
    put(leaf.cert, at(version, 'tls.crt'), 0o644);
    put(leaf.key, at(version, 'tls.key'));
    fs.symlinkSync(version, at('..data_tmp'));
    fs.renameSync(at('..data_tmp'), at('..data'));
  };
  mount('..one', old);
  for (const name of ['tls.crt', 'tls.key']) fs.symlinkSync(path.join('..data', name), at(name));
  const origin = await startOrigin(t, (request, response) => response.end('served'));
  const oxbow = await startOxbow(t, yaml(origin.address,
    `{ cert: ${at('tls.crt')}, key: ${at('tls.key')} }`));
  await isServing(t, oxbow, 'old.example');
  for (const [version, leaf, name] of [['..two', fresh, 'fresh.example'],
    ['..three', rsa, 'rsa.example'], ['..four', old, 'old.example']]) {
    mount(version, leaf);
    await becomes(t, oxbow, name);
  }
  fs.rmSync(at('..one'), { recursive: true });
  mount('..five', fresh);
  await becomes(t, oxbow, 'fresh.example');
  assert.equal(await reloads(oxbow, 'refused'), 0);
  assert.doesNotMatch(oxbow.stderr, /\[error\]/);
});

test('a list of revoked certificates that grows is loaded too', async (t) => {
  const clients = makeCa(t, { name: 'clients' });
  const one = clients.issue({ names: ['one'] });
  const shown = { cert: fs.readFileSync(one.cert), key: fs.readFileSync(one.key) };
  const crl = path.join(tempDir(t), 'crl');
  put(clients.crl(), crl, 0o644);
  const origin = await startOrigin(t, (request, response) => response.end('served'));
  const oxbow = await startOxbow(t, yaml(origin.address, `{ cert: ${old.cert}, key: ${old.key},
      client_certificates: { verify: require, ca: ${clients.file}, crl: ${crl} } }`));
  const first = await ask(oxbow.port, shown);
  assert.equal(first.text, 'served');
  const client = await connect(t, oxbow.port, shown);
  client.get();
  await client.hears('served');
  await until(5000, 'a session', () => client.sessions.length > 0);
  clients.revoke(one);
  put(clients.crl(), crl, 0o644);
  await until(5000, 'the refusal', async () =>
    (await ask(oxbow.port, shown)).code === 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED');
  // Nor by what it showed before.
  const again = await ask(oxbow.port, { ...shown, session: client.sessions.at(-1) });
  assert.equal(again.status, undefined);
});

// What `oxbow run` and `oxbow check` say of a pair, each with its exit status.
async function said(t, pair) {
  const dir = tempDir(t);
  const file = path.join(dir, 'oxbow.yaml');
  fs.writeFileSync(file, yaml('127.0.0.1:1', pair));
  const checked = await run(binary, ['check', '-c', file], { ms: 10000 });
  return { file, dir, check: checked };
}

// A file that is not there may be where the configuration will run: `check` only warns.
async function fails(t, pair, message, { isAbsent = false } = {}) {
  const { file, check } = await said(t, pair);
  const ran = await run(binary, ['run', '-c', file], { ms: 10000 });
  for (const { code, stdout, stderr } of [check, ran]) {
    const isWarning = isAbsent && code === check.code && stderr === check.stderr;
    assert.equal(code, isWarning ? 0 : 1, stdout + stderr);
    if (isWarning) assert.match(stderr, /^warning: /);
    assert.match(stderr, message);
    assert.match(stderr, /oxbow\.yaml:\d+:\d+: listeners\[0\]\.tls\.certificates\[0\]/);
    assert.doesNotMatch(stdout + stderr, /listening|PRIVATE KEY|correct horse/);
  }
}

const copy = (t, file, mode) => {
  const to = path.join(tempDir(t), 'copy');
  put(file, to, mode);
  return to;
};

test('a key that everybody may write is refused', async (t) => {
  for (const mode of [0o666, 0o602, 0o622])
    await fails(t, `{ cert: ${old.cert}, key: ${copy(t, old.key, mode)} }`,
      /key: "[^"\n]*": everybody may write it; take that right away \(chmod o-w\)/);
});

test('a key that everybody may read is a warning', async (t) => {
  const key = copy(t, old.key, 0o604);
  const { file, check } = await said(t, `{ cert: ${old.cert}, key: ${key} }`);
  assert.equal(check.code, 0);
  assert.match(check.stderr, /warning: [^\n]*key: "[^"\n]*": everybody may read it/);
  const oxbow = await startOxbow(t, null, { file });
  assert.match(oxbow.stderr, /\[warning\] [^\n]*key: "[^"\n]*": everybody may read it/);
  for (const mode of [0o600, 0o640, 0o400]) {
    const quiet = await said(t, `{ cert: ${old.cert}, key: ${copy(t, old.key, mode)} }`);
    assert.equal(quiet.check.code, 0);
    assert.equal(quiet.check.stderr, '');
  }
});

test('a key that loses its rights while oxbow runs: the old one stays', async (t) => {
  const { oxbow, key } = await start(t);
  put(old.key, key, 0o666);
  await says(oxbow, /\[error\] [^\n]*everybody may write it[^\n]*what was loaded before stays/);
  await isServing(t, oxbow, 'old.example');
});

test('an encrypted key with its password_file', async (t) => {
  const { key, passwordFile } = ca.encryptKey(old, 'correct horse');
  fs.chmodSync(key, 0o600);
  fs.chmodSync(passwordFile, 0o600);
  assert.match(fs.readFileSync(key, 'utf8'), /ENCRYPTED/);
  const { file } = await said(t,
    `{ cert: ${old.cert}, key: ${key}, password_file: ${passwordFile} }`);
  const oxbow = await startOxbow(t, null, { file });
  assert.equal(await nameOf(t, oxbow), 'old.example');
  await fails(t, `{ cert: ${old.cert}, key: ${key} }`,
    /key: "[^"\n]*": the key is encrypted; name a password_file/);
  const wrong = copy(t, passwordFile, 0o600);
  fs.writeFileSync(wrong, 'correct horse battery\n');
  await fails(t, `{ cert: ${old.cert}, key: ${key}, password_file: ${wrong} }`,
    /the passphrase is wrong/);
  const open = copy(t, passwordFile, 0o666);
  await fails(t, `{ cert: ${old.cert}, key: ${key}, password_file: ${open} }`,
    /password_file: "[^"\n]*": everybody may write it/);
});

const kNoPair = /key: "[^"\n]*": the key does not belong to the certificate/;

test('what is no pair is refused with its place', async (t) => {
  await fails(t, `{ cert: ${fresh.cert}, key: ${old.key} }`, kNoPair);
  await fails(t, `{ cert: ${old.cert}, key: ${rsa.key} }`, kNoPair);
  await fails(t, `{ cert: ${old.cert}, key: /nowhere/key.pem }`, /no such file/, { isAbsent: true });
  await fails(t, `{ cert: ${old.key}, key: ${old.key} }`, /no certificate in it/);
  await fails(t, `{ cert: ${old.cert}, key: ${old.cert} }`, /no private key in it/);
});

test('every problem of the TLS files is a line of its own', async (t) => {
  const { file, check } = await said(t, '{ cert: /nowhere/cert.pem, key: /nowhere/key.pem }');
  const ran = await run(binary, ['run', '-c', file], { ms: 10000 });
  for (const { stderr } of [check, ran]) {
    assert.equal(stderr.match(/^.*oxbow\.yaml:\d+:\d+: .*no such file$/gm)?.length, 2, stderr);
    assert.doesNotMatch(stderr, /\\x0a/);
  }
});
