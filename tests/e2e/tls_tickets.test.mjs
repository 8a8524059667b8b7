// Resumption: by tickets, which every worker, every process with the same keys and every later
// configuration opens.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { atEnd, startOxbow, tempDir, until } from './harness.mjs';
import { ask, certificates, connect, handshakes, kAdmin, kClose, metric, pairOf, sClient } from
  './tls_client.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'] });

const yaml = (block, { top = '', status = 200 } = {}) => `
${kAdmin}
${top}
listeners:
  - listen: 127.0.0.1:0
    tls: { ${certificates(pairOf(leaf))}, ${block} }
    routes: [ { return: { status: ${status}, body: "$" } } ]
`;
const start = (t, block = 'session_tickets: on', settings = {}) =>
  startOxbow(t, yaml(block, settings));

const only = (version) => ({ minVersion: version, maxVersion: version });
const versions = ['TLSv1.2', 'TLSv1.3'];

// A connection that stays, after one request. Whether it was resumed, and with what the next one is.
async function visit(t, oxbow, options = {}) {
  const client = await connect(t, oxbow.port, options);
  assert.equal(client.error, null);
  client.get();
  await client.hears(/\r\n\r\n\$/);
  return client;
}

const sessionOf = (client) =>
  until(5000, 'a session', () => client.sessions.at(-1));

for (const version of versions) {
  test(`two workers open each other's tickets, ${version}`, async (t) => {
    const oxbow = await start(t, undefined, { top: 'workers: 2' });
    const first = await visit(t, oxbow, only(version));
    const session = await sessionOf(first);
    // The one with fewer clients gets the next.
    for (let i = 0; i < 6; ++i) {
      const client = await visit(t, oxbow, { ...only(version), session });
      assert.equal(client.reused, true, `${i}`);
    }
    for (const worker of ['0', '1'])
      assert.ok(await metric(oxbow, 'oxbow_worker_clients', { worker }) >= 3, worker);
    assert.equal(await handshakes(oxbow, 'full'), 1);
    assert.equal(await handshakes(oxbow, 'resumed'), 6);
  });

  test(`sessions go on from one to the next, ${version}`, async (t) => {
    const oxbow = await start(t);
    let client = await visit(t, oxbow, only(version));
    for (let i = 0; i < 5; ++i) {
      const session = await sessionOf(client);
      client = await visit(t, oxbow, { ...only(version), session });
      assert.equal(client.reused, true, `${i}`);
      if (client.sessions.length === 0) client.sessions.push(session);  // TLS 1.2: the same goes on
    }
  });

  test(`a reload forgets no session, ${version}`, async (t) => {
    const oxbow = await start(t);
    const session = await sessionOf(await visit(t, oxbow, only(version)));
    for (const status of [201, 202]) {
      fs.writeFileSync(oxbow.file, yaml('session_tickets: on, handshake_timeout: 9s', { status }));
      oxbow.signal('SIGHUP');
      await until(5000, 'reload', async () =>
        (await ask(oxbow.port, { ...only(version), session })).status === status);
      assert.equal((await visit(t, oxbow, { ...only(version), session })).reused, true);
    }
  });

  test(`session_tickets: off never resumes, ${version}`, async (t) => {
    const oxbow = await start(t, 'session_tickets: off');
    const first = await visit(t, oxbow, only(version));
    for (let i = 0; i < 3; ++i) {
      const session = first.sessions.at(-1) ?? first.socket.getSession();
      assert.equal((await visit(t, oxbow, { ...only(version), session })).reused, false);
    }
    assert.equal(first.socket.getTLSTicket(), undefined);
    const file = path.join(tempDir(t), 'session');
    const flag = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
    await sClient(oxbow.port, [flag, '-sess_out', file], kClose);
    if (fs.existsSync(file)) {
      const { text } = await sClient(oxbow.port, [flag, '-sess_in', file], kClose);
      assert.match(text, /^New, TLSv1/m);
    }
    assert.equal(await handshakes(oxbow, 'resumed'), 0);
  });

  test(`servers with the same session_ticket_keys open each other's tickets, ${version}`,
    async (t) => {
      const dir = tempDir(t);
      const file = (name, size) => {
        fs.writeFileSync(path.join(dir, name), randomBytes(size), { mode: 0o600 });
        return path.join(dir, name);
      };
      const [long, short, other] = [file('long', 80), file('short', 48), file('other', 80)];
      const one = await start(t, `session_ticket_keys: [ ${long}, ${short} ]`);
      const two = await start(t, `session_ticket_keys: [ ${short}, ${long} ]`);
      const stranger = await start(t, `session_ticket_keys: ${other}`);
      const alone = await start(t);
      const session = await sessionOf(await visit(t, one, only(version)));
      assert.equal((await visit(t, two, { ...only(version), session })).reused, true);
      assert.equal((await visit(t, stranger, { ...only(version), session })).reused, false);
      assert.equal((await visit(t, alone, { ...only(version), session })).reused, false);
      const back = await sessionOf(await visit(t, two, only(version)));
      assert.equal((await visit(t, one, { ...only(version), session: back })).reused, true);
    });

  test(`a reload that is refused leaves the keys as they are, ${version}`, async (t) => {
    const dir = tempDir(t);
    const key = (name) => {
      fs.writeFileSync(path.join(dir, name), randomBytes(80), { mode: 0o600 });
      return path.join(dir, name);
    };
    const oxbow = await start(t, `session_ticket_keys: ${key('a')}`);
    const session = await sessionOf(await visit(t, oxbow, only(version)));
    fs.writeFileSync(oxbow.file,
      yaml(`session_ticket_keys: ${key('b')}`).replace(leaf.key, '/nowhere/key'));
    oxbow.signal('SIGHUP');
    await until(5000, 'refusal', () => /was not loaded, nothing has changed/.test(oxbow.stderr));
    assert.equal((await visit(t, oxbow, { ...only(version), session })).reused, true);
  });

  test(`keys roll: an old one opens while it is in the list, ${version}`, async (t) => {
    const dir = tempDir(t);
    const key = (name) => {
      fs.writeFileSync(path.join(dir, name), randomBytes(80), { mode: 0o600 });
      return path.join(dir, name);
    };
    const [a, b] = [key('a'), key('b')];
    const oxbow = await start(t, `session_ticket_keys: ${a}`);
    const session = await sessionOf(await visit(t, oxbow, only(version)));
    const reload = async (keys, count) => {
      fs.writeFileSync(oxbow.file, yaml(`session_ticket_keys: [ ${keys} ]`));
      oxbow.signal('SIGHUP');
      await until(5000, 'reload', () => oxbow.stderr.match(/\d changes?: /g)?.length === count);
    };
    await reload(`${b}, ${a}`, 1);
    const after = await visit(t, oxbow, { ...only(version), session });
    assert.equal(after.reused, true);
    const fresh = await sessionOf(await visit(t, oxbow, only(version)));
    await reload(b, 2);
    assert.equal((await visit(t, oxbow, { ...only(version), session })).reused, false);
    assert.equal((await visit(t, oxbow, { ...only(version), session: fresh })).reused, true);
  });
}

test('a ticket ends with session_timeout', async (t) => {
  const oxbow = await start(t, 'session_timeout: 4s');
  for (const version of versions) {
    const session = await sessionOf(await visit(t, oxbow, only(version)));
    assert.equal((await visit(t, oxbow, { ...only(version), session })).reused, true);
    // Of whole seconds: the next one has begun.
    await until(4000, 'end of the session', async () =>
      !(await ask(oxbow.port, { ...only(version), session })).reused);
  }
});

test('what is no ticket of ours is a full handshake, not a failure', async (t) => {
  const oxbow = await start(t);
  const other = await start(t);
  const session = await sessionOf(await visit(t, other));
  assert.equal((await visit(t, oxbow, { session })).reused, false);
  assert.equal(await handshakes(oxbow, 'failed'), 0);
});

test("Node's agent resumes by itself", async (t) => {
  const oxbow = await start(t, undefined, { top: 'workers: 2' });
  const agent = new https.Agent({ keepAlive: false, maxCachedSessions: 10 });
  atEnd(t, () => agent.destroy());
  const reused = [];
  for (let i = 0; i < 10; ++i) reused.push((await ask(oxbow.port, { agent })).reused);
  assert.deepEqual(reused, [false, ...Array(9).fill(true)]);
});
