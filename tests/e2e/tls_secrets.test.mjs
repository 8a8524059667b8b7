// What must stay secret: keys of connections, private keys, passphrases.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { Process, binary, run, startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, certificates, kAdmin, pairOf, sClient, tlsProxyTo } from './tls_client.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'] });
const other = ca.issue({ names: ['localhost'] });

const start = async (t, options, log = '') => {
  const origin = await startOrigin(t, (request, response) => response.end('served'));
  return startOxbow(t, tlsProxyTo(origin.address, certificates(pairOf(leaf)),
    { top: kAdmin, listener: log }), options);
};

test('SSLKEYLOGFILE alone writes nothing', async (t) => {
  const file = path.join(tempDir(t), 'keys');
  const oxbow = await start(t, { env: { SSLKEYLOGFILE: file } });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
    assert.equal((await ask(oxbow.port, { maxVersion })).text, 'served');
  await oxbow.stop();
  assert.equal(fs.existsSync(file), false);
});

test('--tls-keylog writes into SSLKEYLOGFILE, which its owner alone may read', async (t) => {
  const file = path.join(tempDir(t), 'keys');
  const oxbow = await start(t, { env: { SSLKEYLOGFILE: file }, args: ['--tls-keylog'] });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
    assert.equal((await ask(oxbow.port, { maxVersion })).text, 'served');
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  const labels = lines.map((line) => line.split(' ')[0]);
  assert.ok(labels.includes('CLIENT_RANDOM'), `${labels}`);
  assert.ok(labels.includes('CLIENT_TRAFFIC_SECRET_0'), `${labels}`);
  for (const line of lines) assert.match(line, /^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.match(oxbow.stderr, /\[warning\] [^\n]*(keys|secrets)/i);
  // What s_client has agreed upon is there.
  const { text } = await sClient(oxbow.port, ['-tls1_2'], 'Q\n', { stays: false });
  const master = /Master-Key: ([0-9A-F]+)/.exec(text)[1].toLowerCase();
  await until(2000, 'its line', () => fs.readFileSync(file, 'utf8').includes(` ${master}\n`));
});

test('--tls-keylog without a file to write is an error', async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, 'oxbow.yaml');
  fs.writeFileSync(file, tlsProxyTo('127.0.0.1:1', certificates(pairOf(leaf))));
  const unset = await run(binary, ['run', '-c', file, '--tls-keylog'], { ms: 5000,
    env: { SSLKEYLOGFILE: '' } });
  assert.notEqual(unset.code, 0);
  assert.match(unset.stderr, /SSLKEYLOGFILE/);
  const nowhere = await run(binary, ['run', '-c', file, '--tls-keylog'], { ms: 5000,
    env: { SSLKEYLOGFILE: path.join(dir, 'no', 'file') } });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /cannot log keys to /);
});

// Pieces of a PEM that would show in any rendering of it.
const piecesOf = (file) => fs.readFileSync(file, 'utf8').split('\n')
  .filter((line) => !line.startsWith('-----')).flatMap((line) => line.match(/.{24}/g) ?? []);

test('no failure tells a private key or a passphrase', async (t) => {
  const dir = tempDir(t);
  const pass = 'correct-horse-battery-staple';
  const { key: encrypted, passwordFile } = ca.encryptKey(leaf, pass);
  const put = (name, text) => {
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o600 });
    return path.join(dir, name);
  };
  const key = fs.readFileSync(leaf.key, 'utf8');
  const broken = put('broken', key.replace(/\n(.{20})/, '\n!!$1'));
  const short = put('short', key.slice(0, key.length / 2));
  const folded = put('folded', key.replaceAll('\n', ' '));
  const wrong = put('wrong', `${pass}-not\n`);
  const long = put('long', `${pass.repeat(200)}\n`);
  const tickets = put('tickets', fs.readFileSync(leaf.key).subarray(0, 79));
  const secrets = [...piecesOf(leaf.key), ...piecesOf(encrypted), pass];
  const cert = leaf.cert;
  const blocks = [
    ...[broken, short, folded, encrypted, other.key, passwordFile].map((file) =>
      `certificates: [ { cert: ${cert}, key: ${file} } ]`),
    ...[wrong, long, put('empty', ''), encrypted, dir].map((file) =>
      `certificates: [ { cert: ${cert}, key: ${encrypted}, password_file: ${file} } ]`),
    ...[leaf.key, passwordFile].map((file) =>
      `certificates: [ { cert: ${file}, key: ${leaf.key} } ]`),
    ...[leaf.key, encrypted].map((file) =>
      `${certificates(pairOf(leaf))}, client_certificates: { verify: require, ca: ${file} }`),
    ...[leaf.key, encrypted].map((file) => `${certificates(pairOf(leaf))},
      client_certificates: { verify: require, ca: ${ca.file}, crl: ${file} }`),
    ...[tickets, passwordFile].map((file) =>
      `${certificates(pairOf(leaf))}, session_ticket_keys: ${file}`),
  ];
  const file = path.join(dir, 'oxbow.yaml');
  for (const block of blocks) {
    fs.writeFileSync(file, tlsProxyTo('127.0.0.1:1', block, { top: 'log_level: debug' }));
    for (const args of [['check', '-c', file], ['run', '-c', file]]) {
      const { code, stdout, stderr } = await run(binary, args, { ms: 5000 });
      assert.equal(code, 1, `${args[0]} ${block}: ${stderr}`);
      for (const secret of secrets)
        assert.ok(!(stdout + stderr).includes(secret), `${block}: ${stderr}`);
    }
  }
});

test('nor does what a running oxbow tells, whatever happens to it', async (t) => {
  const dir = tempDir(t);
  const pass = 'correct-horse-battery-staple';
  const { key: encrypted, passwordFile } = ca.encryptKey(leaf, pass);
  const key = path.join(dir, 'key');
  fs.copyFileSync(encrypted, key);
  fs.chmodSync(key, 0o600);
  const origin = await startOrigin(t, (request, response) => response.end('served'));
  const oxbow = await startOxbow(t, `
${kAdmin}
log_level: debug
upstreams:
  app: { servers: [ "${origin.address}" ] }
  tls:
    servers: [ "${origin.address}" ]
    tls: { ca: ${ca.file}, certificate: ${leaf.cert}, certificate_key: ${key},
           password_file: ${passwordFile} }
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: stdout }
    tls: { certificates: [ { cert: ${leaf.cert}, key: ${key}, password_file: ${passwordFile} } ] }
    routes: [ { location: /tls, proxy_pass: tls }, { proxy_pass: app } ]
`);
  assert.equal((await ask(oxbow.port)).text, 'served');
  assert.equal((await ask(oxbow.port, { path: '/tls' })).status, 502);
  assert.equal((await ask(oxbow.port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).status,
    undefined);
  for (const wrong of [other.key, leaf.cert]) {
    const before = oxbow.stderr.length;
    fs.copyFileSync(wrong, `${key}.new`);
    fs.chmodSync(`${key}.new`, 0o600);
    fs.renameSync(`${key}.new`, key);
    await until(5000, 'the error', () => oxbow.stderr.slice(before).includes('[error]'));
  }
  oxbow.signal('SIGHUP');
  await until(5000, 'the refusal', async () => {
    const { text } = await ask(oxbow.adminPort, { secure: false, path: '/metrics' });
    return /^oxbow_reloads_total\{result="refused"\} 1$/m.test(text);
  });
  let all = '';
  for (const [method, target] of [['GET', '/api/upstreams'], ['GET', '/metrics'],
    ['POST', '/api/reload']])
    all += (await ask(oxbow.adminPort, { secure: false, method, path: target })).text;
  assert.match(all, /oxbow_tls_certificate_expiry_days/);
  assert.match(all, /"verify": true/);
  all += oxbow.stdout + oxbow.stderr;
  for (const secret of [...piecesOf(leaf.key), ...piecesOf(encrypted), ...piecesOf(other.key), pass,
    'PRIVATE KEY'])
    assert.ok(!all.includes(secret), secret);
});

// What of a process may not be dumped belongs to root in /proc, whoever runs it. So it runs as
// somebody else here, in case the tests are root's.
async function ownerInProc(t, yaml, ...args) {
  const nobody = 65534;
  const dir = tempDir(t);
  const file = (name, text) => {
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o600 });
    return path.join(dir, name);
  };
  file('cert', fs.readFileSync(leaf.cert));
  file('key', fs.readFileSync(leaf.key));
  const command = [path.join(dir, 'oxbow'), 'run', '-c', file('oxbow.yaml', yaml), ...args];
  fs.copyFileSync(binary, command[0]);
  if (process.getuid() === 0) {
    for (const name of ['.', ...fs.readdirSync(dir)])
      fs.chownSync(path.join(dir, name), nobody, nobody);
    command.unshift('setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups');
  }
  const child = new Process(command[0], command.slice(1), { cwd: dir });
  await until(5000, `oxbow listening ${child.stderr}`, () => /listening on/.test(child.stderr));
  const { uid } = fs.statSync(`/proc/${child.pid}/environ`);
  child.signal('SIGTERM');
  assert.deepEqual(await child.finish(5000), { code: 0, signal: null });
  return uid === 0 ? 'root' : 'itself';
}

test('with TLS there are no cores, unless asked for', async (t) => {
  const yaml = (tls) => `listeners:
  - { listen: "127.0.0.1:0", ${tls} routes: [ { return: 204 } ] }\n`;
  const tls = 'tls: { certificates: [ { cert: cert, key: key } ] },';
  assert.equal(await ownerInProc(t, yaml(tls)), 'root');
  assert.equal(await ownerInProc(t, yaml(tls), '--core-dumps'), 'itself');
  assert.equal(await ownerInProc(t, yaml('')), 'itself');
  assert.equal(await ownerInProc(t, `${yaml('')}
upstreams: { app: { servers: [ 127.0.0.1:1 ], tls: on } }`), 'root');
});
