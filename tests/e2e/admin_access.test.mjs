// Who may ask the admin address: part J of docs/bad-inputs.md. What is refused has no effect.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { binary, curl, proxyTo, run, startOxbow, tempDir, until } from './harness.mjs';
import { ask } from './observe.mjs';
import { startOrigin } from './origin.mjs';

const answer = (request, response) => response.end('from the origin\n');
const token = 'an-e2e-token-0123456789';
const bearer = (value) => ['-H', `Authorization: Bearer ${value}`];
const post = (oxbow, target, args = []) =>
  curl(['-X', 'POST', ...args, oxbow.adminUrl + target]);

function tokenFile(t, text = `${token}\n`, mode = 0o600) {
  const file = path.join(tempDir(t), 'token');
  fs.writeFileSync(file, text);
  fs.chmodSync(file, mode);
  return file;
}

const local = (file) => `admin: { listen: 127.0.0.1:0, token_file: "${file}" }`;
const remote = (file, more = '') =>
  `admin: { listen: 0.0.0.0:0, allow_remote: on, token_file: "${file}"${more} }`;

const start = async (t, top) =>
  startOxbow(t, proxyTo((await startOrigin(t, answer)).address, { top }));

const levelOf = async (oxbow) =>
  JSON.parse((await curl([...bearer(token), `${oxbow.adminUrl}/api/log-level`])).text).level;
const generationOf = async (oxbow) =>
  JSON.parse((await curl([...bearer(token), `${oxbow.adminUrl}/api/config`])).text).generation;

const wrongTokens = [
  [], bearer(`${token}x`), bearer(token.slice(1)), bearer(''), bearer(token.toUpperCase()),
  ['-H', `Authorization: Basic ${token}`], ['-H', `X-Authorization: Bearer ${token}`],
  [...bearer(token), ...bearer(token)],
];

for (const [name, top] of [['this machine', local], ['another machine', remote]]) {
  test(`J.1 a change without the right token is 403 and does nothing, from ${name}`, async (t) => {
    const oxbow = await start(t, top(tokenFile(t)));
    fs.appendFileSync(oxbow.file, '# and a change\nwatch: off\nworker_connections: 77\n');
    for (const args of wrongTokens) {
      for (const target of ['/api/log-level?level=debug', '/api/reload']) {
        const { status, text } = await post(oxbow, target, args);
        assert.equal(status, 403, `${args} ${target}`);
        assert.equal(text, '403 Forbidden: a change needs the token: Authorization: Bearer TOKEN\n');
      }
    }
    assert.equal(await levelOf(oxbow), 'info');
    assert.equal(await generationOf(oxbow), 1);
    assert.equal((await post(oxbow, '/api/log-level?level=warn', bearer(token))).status, 200);
    assert.equal(await levelOf(oxbow), 'warn');
    assert.equal((await post(oxbow, '/api/reload', bearer(token))).status, 200);
    assert.equal(await generationOf(oxbow), 2);
    assert.ok(!oxbow.stderr.includes(token));
  });
}

test('J.1 a look from another machine without the token is 401', async (t) => {
  const oxbow = await start(t, remote(tokenFile(t)));
  for (const target of ['/metrics', '/api/upstreams', '/api/connections', '/api/config',
    '/api/log-level', '/api/events', '/api/dns']) {
    const { status, text } = await curl(['-D', '-', oxbow.adminUrl + target]);
    assert.equal(status, 401, target);
    assert.match(text, /WWW-Authenticate: Bearer/);
    assert.equal((await curl([...bearer('wrong-wrong-wrong'), oxbow.adminUrl + target])).status,
      401);
  }
  assert.equal((await curl([`${oxbow.adminUrl}/healthz`])).status, 200);
  assert.equal((await curl([`${oxbow.adminUrl}/readyz`])).status, 200);
  assert.equal((await curl([...bearer(token), `${oxbow.adminUrl}/metrics`])).status, 200);
});

test('J.1 changes are made by POST only', async (t) => {
  const oxbow = await start(t, local(tokenFile(t)));
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
    const args = method === 'HEAD' ? ['-I'] : ['-X', method];
    const { status } = await curl([...args, ...bearer(token), `${oxbow.adminUrl}/api/reload`]);
    assert.equal(status, 405, method);
    const level =
      await curl([...args, ...bearer(token), `${oxbow.adminUrl}/api/log-level?level=debug`]);
    assert.equal(level.status, ['GET', 'HEAD'].includes(method) ? 400 : 405, method);
  }
  assert.equal(await levelOf(oxbow), 'info');
  assert.equal(await generationOf(oxbow), 1);
});

test('J.1 a page of another origin changes nothing', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address,
    { top: 'admin: { listen: 127.0.0.1:0 }' }));
  const url = `${oxbow.adminUrl}/api/log-level`;
  for (const page of ['http://example.org', 'http://localhost:3000', 'null']) {
    const answer = await ask(`${url}?level=debug`, { method: 'POST', headers: { Origin: page } });
    assert.equal(answer.status, 403);
  }
  assert.equal(JSON.parse((await ask(url)).body).level, 'info');
  const own = await ask(`${url}?level=debug`,
    { method: 'POST', headers: { Origin: oxbow.adminUrl } });
  assert.equal(own.status, 200);
});

test('J.1 a Host that DNS could have rebound is 403', async (t) => {
  const oxbow = await start(t, remote(tokenFile(t), ', allowed_hosts: [ oxbow.internal ]'));
  const from = (host, args = []) =>
    curl(['-H', `Host: ${host}`, ...args, `${oxbow.adminUrl}/healthz`]);
  for (const host of ['evil.example', 'oxbow.internal.evil.example', 'x.oxbow.internal'])
    assert.equal((await from(host)).status, 403, host);
  for (const host of ['oxbow.internal', 'OXBOW.internal:9901', '10.1.2.3', 'localhost'])
    assert.equal((await from(host)).status, 200, host);
  const change = await post(oxbow, '/api/log-level?level=debug',
    [...bearer(token), '-H', 'Host: evil.example']);
  assert.equal(change.status, 403);
  assert.equal(await levelOf(oxbow), 'info');

  const machine = await start(t, local(tokenFile(t)));
  for (const host of ['evil.example', '10.1.2.3'])
    assert.equal((await curl(['-H', `Host: ${host}`, `${machine.adminUrl}/healthz`])).status, 403);
});

test('J.1 no listener has the admin pages', async (t) => {
  const oxbow = await start(t, local(tokenFile(t)));
  for (const target of ['/metrics', '/api/config', '/healthz'])
    assert.doesNotMatch((await curl([oxbow.url + target])).text, /oxbow_|generation|^ok\n$/);
});

const check = async (t, text) => {
  const file = path.join(tempDir(t), 'oxbow.yaml');
  fs.writeFileSync(file, text);
  return run(binary, ['check', '-c', file]);
};

test('J.1 an address that others reach needs leave and a token', async (t) => {
  const routes = '\nlisteners: [ { listen: 127.0.0.1:0, routes: [ { return: 200 } ] } ]\n';
  const refused = async (admin, pattern) => {
    const { code, stdout, stderr } = await check(t, `admin: ${admin}${routes}`);
    assert.notEqual(code, 0, admin);
    assert.match(stdout + stderr, pattern);
  };
  await refused('{ listen: 0.0.0.0:9901 }', /admin\.listen: .*loopback address or a Unix socket/);
  await refused('{ listen: 0.0.0.0:9901, allow_remote: on }',
    /:1:\d+: admin\.allow_remote: needs token_file/);
  await refused('{ listen: 127.0.0.1:9901, allowed_hosts: a }', /allowed_hosts: needs allow_remote/);
  const withToken = (file) => `{ listen: 0.0.0.0:9901, allow_remote: on, token_file: "${file}" }`;
  await refused(withToken(tokenFile(t, token, 0o602)), /admin\.token_file: .*chmod o-w/);
  for (const text of ['short', '', `${token} with spaces`, `${token}\n\n`, 'x'.repeat(513)])
    await refused(withToken(tokenFile(t, text)), /admin\.token_file: .*(16 to 512|larger than)/);
  const good = await check(t, `admin: ${withToken(tokenFile(t, token, 0o604))}${routes}`);
  assert.equal(good.code, 0);
  assert.match(good.stdout + good.stderr, /warning: .*admin\.token_file: .*chmod o-r/);
});

test('the token is read again with each reload, and a bad one changes nothing', async (t) => {
  const file = tokenFile(t);
  const oxbow = await start(t, remote(file));
  const look = (value) => curl([...bearer(value), `${oxbow.adminUrl}/api/log-level`]);
  const other = 'another-token-9876543210';
  fs.writeFileSync(file, 'bad');
  const refused = await post(oxbow, '/api/reload', bearer(token));
  assert.equal(refused.status, 422);
  assert.equal(JSON.parse(refused.text).problems[0].path, 'admin.token_file');
  assert.equal((await look(token)).status, 200);
  fs.writeFileSync(file, other);
  assert.equal((await post(oxbow, '/api/reload', bearer(token))).status, 200);
  assert.equal((await look(token)).status, 401);
  assert.equal((await look(other)).status, 200);
  const before = oxbow.adminPort;
  fs.writeFileSync(oxbow.file, fs.readFileSync(oxbow.file, 'utf8')
    .replace('allow_remote: on,', 'allow_remote: on, allowed_hosts: [ a.example ],'));
  assert.equal((await post(oxbow, '/api/reload', bearer(other))).status, 200);
  assert.equal(oxbow.adminPort, before);
  const asked = await curl(['-H', 'Host: a.example', `${oxbow.adminUrl}/healthz`]);
  assert.equal(asked.status, 200);
});

test('J.2 secrets are in no answer and no log line, names are escaped', async (t) => {
  const secret = 'hush-hush-0123456789';
  const origin = await startOrigin(t, answer);
  const top = `log_level: debug\n${local(tokenFile(t))}`;
  const route = (name) => `
      - location: /
        proxy_pass: app
        proxy_set_header: { Authorization: "Bearer ${secret}", X-Api-Key: "${secret}" }
        add_header: { Set-Cookie: "id=${secret}", X-Note: "<b>${name}</b> \\"quoted\\"" }`;
  const yaml = (name) => proxyTo(origin.address, { top })
    .replace('routes: [ { proxy_pass: app } ]', `routes: ${route(name)}`);
  const oxbow = await startOxbow(t, yaml('one'));
  fs.writeFileSync(oxbow.file,
    yaml('two').replace(`X-Api-Key: "${secret}"`, `X-Api-Key: "${secret}!"`));
  const reloaded = await post(oxbow, '/api/reload', bearer(token));
  assert.equal(reloaded.status, 200);
  assert.equal(JSON.parse(reloaded.text).changes.length, 2);
  await curl([oxbow.url]);
  let all = reloaded.text;
  for (const target of ['/metrics', '/api/upstreams', '/api/connections', '/api/config',
    '/api/log-level', '/api/dns'])
    all += (await curl([oxbow.adminUrl + target])).text;
  await until(5000, 'the reload in the log', () => oxbow.stderr.includes('X-Api-Key'));
  all += oxbow.stderr;
  assert.ok(!all.includes(secret));
  assert.ok(!all.includes(token));
  assert.ok(all.includes('(hidden)'));
  const config = JSON.parse((await curl([`${oxbow.adminUrl}/api/config`])).text);
  const fields = config.config.listeners[0].routes[0].add_header;
  assert.equal(fields['X-Note'], '<b>two</b> "quoted"');
  assert.equal(fields['Set-Cookie'], '(hidden)');
});
