// Files of tls that change on disk, and configurations that are loaded anew: what becomes of
// connections and sessions of upstreams.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { daysFromNow, makeCa } from './certificates.mjs';
import { atEnd, startOxbow, tempDir, until } from './harness.mjs';
import { ask, endpointOf, metric, reload, startTlsProxy, tlsProxy, upstreamOf }
  from './observe.mjs';
import { startOrigin } from './origin.mjs';
import { served } from './raw_origins.mjs';

const ip = '127.0.0.1';
const ca = makeCa({ after });
const otherCa = makeCa({ after }, { name: 'another CA' });
const both = fs.readFileSync(ca.file, 'utf8') + fs.readFileSync(otherCa.file, 'utf8');
const leaf = ca.issue({ names: ['api.test'], ips: [ip] });
const otherLeaf = otherCa.issue({ ips: [ip] });
const clients = ['first', 'second'].map((name) => ca.issue({ name, usage: 'clientAuth' }));
const trusting = `ca: ${ca.file}`;
const eachNew = 'keepalive: 0';

const answer = (request, response) => response.end('served');
const demanding = { requestCert: true, rejectUnauthorized: true, ca: fs.readFileSync(ca.file) };
const startServer = (t, options, handler = answer) =>
  startOrigin(t, handler, served(leaf, options));

// As deployments replace files: never half written.
function replace(file, content) {
  fs.writeFileSync(`${file}.new`, content);
  fs.renameSync(`${file}.new`, file);
}
const copy = (from, to) => replace(to, fs.readFileSync(from));

const reloads = async (oxbow) => {
  const series = await metric(oxbow, 'oxbow_tls_reloads_total');
  return { applied: series['result="applied"'], refused: series['result="refused"'] };
};
const reloadsAre = (oxbow, what, least) => until(10000, `${least} ${what} reloads of tls`,
  async () => (await reloads(oxbow))[what] >= least);
const generationIs = (oxbow, expected) => until(10000, `generation ${expected}`, async () =>
  (await metric(oxbow, 'oxbow_config_generation'))[''] === expected);

async function served200(oxbow) {
  const { status, body } = await ask(oxbow.url);
  assert.deepEqual([status, body], [200, 'served']);
}

// Lanes that ask without a pause and count every answer, until stop() gives { asked, failed }. A
// client's connection that breaks has failed too: nobody asks again.
function load(t, oxbow, lanes = 6) {
  const tally = { asked: 0, failed: [] };
  let stopping = false;
  atEnd(t, () => { stopping = true; });
  const running = Array.from({ length: lanes }, async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopping) {
      const { status, body, complete, proxyStatus, error } = await ask(oxbow.url, { agent });
      ++tally.asked;
      if (status !== 200 || body !== 'served' || !complete)
        tally.failed.push({ status, proxyStatus, error });
    }
    agent.destroy();
  });
  return {
    tally,
    more: (count) => {
      const goal = tally.asked + count;
      return until(20000, `${count} more requests`, () => tally.asked >= goal);
    },
    async stop() {
      stopping = true;
      await Promise.all(running);
      return tally;
    },
  };
}

describe('sessions', { concurrency: 2 }, () => {
  const versions = ['TLSv1.2', 'TLSv1.3'];
  for (const version of versions) {
    const only = { minVersion: version, maxVersion: version };

    test(`${version}: survive reloads that leave the identity as it is`, async (t) => {
      const origin = await startServer(t, only);
      const yaml = (lines) => tlsProxy(origin.address, trusting, { upstream: lines });
      const oxbow = await startOxbow(t, yaml(eachNew));
      const resumes = async () => {
        await served200(oxbow);
        return origin.handshakes.at(-1).reused;
      };
      assert.equal(await resumes(), false);
      process.kill(oxbow.pid, 'SIGHUP');
      await until(5000, 'a reload in the log', () => /loaded: /.test(oxbow.stderr));
      assert.equal(await resumes(), true);
      assert.deepEqual((await reload(oxbow)).changes, []);
      // Node gives two tickets, of which one is left.
      assert.equal((await endpointOf(oxbow)).tls.sessions, 1);
      fs.writeFileSync(oxbow.file, yaml(`${eachNew}\nread_timeout: 59s`));
      process.kill(oxbow.pid, 'SIGHUP');
      await generationIs(oxbow, 2);
      assert.equal(await resumes(), true);
      const { tls } = await endpointOf(oxbow);
      assert.deepEqual(tls.handshakes, { full: 1, resumed: 2, failed: 0 });
    });

    test(`${version}: survive a CA file that is written with what it had`, async (t) => {
      const origin = await startServer(t, only);
      const file = path.join(tempDir(t), 'ca.pem');
      copy(ca.file, file);
      const oxbow = await startTlsProxy(t, origin.address, `ca: ${file}`, { upstream: eachNew });
      await served200(oxbow);
      copy(ca.file, file);
      await reload(oxbow);
      await served200(oxbow);
      assert.deepEqual(origin.handshakes.map(({ reused }) => reused), [false, true]);
      assert.equal((await reloads(oxbow)).applied, 0);
    });

    // What was agreed upon under one identity says nothing under another.
    const changes = {
      'the CA file': async ({ oxbow, files }) => {
        replace(files.ca, both);
        await reloadsAre(oxbow, 'applied', 1);
      },
      'the list of revoked ones': async ({ oxbow, files }) => {
        ca.revoke(ca.issue({ ips: [ip] }));
        copy(ca.crl(), files.crl);
        await reloadsAre(oxbow, 'applied', 1);
      },
      'the client certificate': async ({ oxbow, files }) => {
        copy(clients[1].key, files.key);
        copy(clients[1].cert, files.cert);
        await reloadsAre(oxbow, 'applied', 1);
      },
      'verify_depth': ({ reloadWith }) => reloadWith('verify_depth: 3'),
      'verify_name': ({ reloadWith }) => reloadWith('verify_name: api.test'),
      'sni': ({ reloadWith }) => reloadWith(`sni: api.test\nverify_name: ${ip}`),
      'verify': ({ reloadWith }) =>
        reloadWith('', { without: ['ca', 'crl'], lines: 'verify: off' }),
      'ciphers': ({ reloadWith }) => reloadWith(version === 'TLSv1.2'
        ? 'ciphers: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
        : 'ciphersuites: TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256'),
    };
    for (const [what, change] of Object.entries(changes)) {
      test(`${version}: are not offered after a change of ${what}`, async (t) => {
        const origin = await startServer(t, { ...only, ...demanding });
        const dir = tempDir(t);
        const files = {};
        for (const [key, from] of Object.entries({ ca: ca.file, crl: ca.crl(),
          cert: clients[0].cert, key: clients[0].key })) {
          files[key] = path.join(dir, key);
          copy(from, files[key]);
        }
        const yaml = (lines, without = []) => tlsProxy(origin.address, [
          ...['ca', 'crl'].filter((key) => !without.includes(key))
            .map((key) => `${key}: ${files[key]}`),
          `certificate: ${files.cert}`, `certificate_key: ${files.key}`, lines].join('\n'),
        { upstream: eachNew });
        const oxbow = await startOxbow(t, yaml(''));
        await served200(oxbow);
        await served200(oxbow);
        const reloadWith = async (lines, { without, lines: others = '' } = {}) => {
          const { changes } = await reload(oxbow, yaml(`${lines}\n${others}`, without));
          assert.ok(changes.length >= 1);
        };
        await change({ oxbow, files, reloadWith });
        await served200(oxbow);
        await served200(oxbow);
        assert.deepEqual(origin.handshakes.map(({ reused }) => reused), [false, true, false, true]);
        const { tls } = await endpointOf(oxbow);
        assert.equal(tls.tickets_refused, 0);
        assert.equal(tls.handshakes.failed, 0);
      });
    }
  }

  test('made without verification serve nobody who verifies', async (t) => {
    const expired = ca.issue({ ips: [ip], until: daysFromNow(-1) });
    const origin = await startOrigin(t, answer, served(expired));
    for (const lines of ['keepalive: 0', 'keepalive: 8']) {
      const oxbow = await startTlsProxy(t, origin.address, 'verify: off', { upstream: lines });
      await served200(oxbow);
      const before = origin.requests;
      await reload(oxbow, tlsProxy(origin.address, trusting, { upstream: lines }));
      const { status, proxyStatus } = await ask(oxbow.url);
      assert.equal(status, 502);
      assert.equal(proxyStatus,
        'oxbow; error=tls_certificate_error; details="certificate has expired"');
      assert.equal(origin.requests, before);
      await reload(oxbow, tlsProxy(origin.address, 'verify: off', { upstream: lines }));
      await served200(oxbow);
    }
  });
});

describe('files that are replaced', { concurrency: 2 }, () => {
  test('a server that is revoked gets nothing more, over idle connections neither', async (t) => {
    const own = makeCa(t);
    const mine = own.issue({ ips: [ip] });
    const origin = await startOrigin(t, answer, served(mine));
    const file = path.join(tempDir(t), 'crl.pem');
    copy(own.crl(), file);
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${own.file}\ncrl: ${file}`);
    await served200(oxbow);
    assert.equal((await endpointOf(oxbow)).idle, 1);
    own.revoke(mine);
    copy(own.crl(), file);
    await reloadsAre(oxbow, 'applied', 1);
    const { status, proxyStatus } = await ask(oxbow.url);
    assert.deepEqual([status, proxyStatus],
      [502, 'oxbow; error=tls_certificate_error; details="certificate revoked"']);
    assert.equal(origin.requests, 1);
    assert.match(oxbow.stderr, /\[info\] files of tls have changed and were loaded/);
  });

  test('the client certificate, under load', async (t) => {
    const origin = await startServer(t, demanding);
    const dir = tempDir(t);
    const [cert, key] = ['client.pem', 'client.key'].map((name) => path.join(dir, name));
    const put = ({ cert: newCert, key: newKey }) => {
      copy(newKey, key);
      copy(newCert, cert);
    };
    put(clients[0]);
    const oxbow = await startTlsProxy(t, origin.address,
      `${trusting}\ncertificate: ${cert}\ncertificate_key: ${key}`, { top: 'workers: 2' });
    const lanes = load(t, oxbow);
    for (let round = 1; round <= 4; ++round) {
      const { cn, leaf: next } = round % 2 === 1
        ? { cn: 'second', leaf: clients[1] } : { cn: 'first', leaf: clients[0] };
      await lanes.more(100);
      put(next);
      await reloadsAre(oxbow, 'applied', round);
      await until(10000, `a handshake of ${cn}`, () => origin.handshakes.at(-1).client === cn);
      await lanes.more(50);  // what the other worker was about to open
      const opened = origin.handshakes.length;
      await lanes.more(100);
      for (const { client } of origin.handshakes.slice(opened)) assert.equal(client, cn);
    }
    const { asked, failed } = await lanes.stop();
    assert.deepEqual(failed, []);
    assert.equal(origin.requests, asked);
  });

  // Requests of before are still under way while those behind them want connections.
  test('max_conns holds over a change', async (t) => {
    const held = [];
    const origin = await startServer(t, {}, (request, response) => held.push(response));
    const file = path.join(tempDir(t), 'ca.pem');
    copy(ca.file, file);
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${file}`,
      { top: 'workers: 2', upstream: 'max_conns: 3\nmax_total_conns: 3' });
    const answers = [1, 2, 3].map(() => ask(oxbow.url));
    await until(5000, 'three requests', () => held.length === 3);
    replace(file, both);
    await reloadsAre(oxbow, 'applied', 1);
    answers.push(...[1, 2, 3].map(() => ask(oxbow.url)));
    await until(5000, 'three more that wait or are there', async () =>
      (await upstreamOf(oxbow)).queue.waiting + held.length === 6);
    assert.equal(held.length, 3);
    for (let next = 0; next < 6; ++next) {
      await until(5000, `request ${next}`, () => held.length > next);
      held[next].end('served');
    }
    for (const { status, body } of await Promise.all(answers))
      assert.deepEqual([status, body], [200, 'served']);
    assert.equal(origin.connections.most, 3);
    assert.equal(origin.connections.opened, 6);
  });

  // Counters do not go down (metrics.md: since the start of the process).
  test('the counters of the endpoint go on', async (t) => {
    const origin = await startServer(t);
    const file = path.join(tempDir(t), 'ca.pem');
    copy(ca.file, file);
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${file}`);
    for (let i = 0; i < 5; ++i) await served200(oxbow);
    replace(file, both);
    await reloadsAre(oxbow, 'applied', 1);
    await served200(oxbow);
    const { opened, acquired, closed, tls } = await endpointOf(oxbow);
    assert.deepEqual({ opened, acquired, closed, handshakes: tls.handshakes },
      { opened: 2, acquired: 6, closed: { total: 1, removed: 1 },
        handshakes: { full: 2, resumed: 0, failed: 0 } });
    assert.deepEqual(await metric(oxbow, 'oxbow_upstream_tls_handshakes_total'),
      { 'result="full"': 2, 'result="resumed"': 0, 'result="failed"': 0 });
    assert.deepEqual(await metric(oxbow, 'oxbow_endpoint_connections_opened_total'), { '': 2 });
  });

  test('the CA and the server\'s certificate, under load', async (t) => {
    const origin = await startServer(t);
    const file = path.join(tempDir(t), 'ca.pem');
    copy(ca.file, file);
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${file}`, { top: 'workers: 2' });
    const lanes = load(t, oxbow);
    await lanes.more(100);
    replace(file, both);
    await reloadsAre(oxbow, 'applied', 1);
    origin.server.setSecureContext(served(otherLeaf));
    await lanes.more(100);
    const before = origin.handshakes.length;
    copy(otherCa.file, file);
    await reloadsAre(oxbow, 'applied', 2);
    await until(10000, 'new connections', () => origin.handshakes.length > before);
    await lanes.more(100);
    const { asked, failed } = await lanes.stop();
    assert.deepEqual(failed, []);
    assert.equal(origin.requests, asked);
    assert.equal((await endpointOf(oxbow)).tls.handshakes.failed, 0);
    // What the CA has gone from trusts no more.
    origin.server.setSecureContext(served(leaf));
    origin.connections.open.forEach((socket) => socket.destroy());
    const { proxyStatus } = await until(5000, 'a refusal', async () => {
      const refused = await ask(oxbow.url);
      return refused.status === 502 && refused;
    });
    assert.match(proxyStatus, /error=tls_certificate_error/);
  });

  test('50 reloads under load', async (t) => {
    const origin = await startServer(t);
    const yaml = (seconds) => tlsProxy(origin.address, trusting,
      { top: 'workers: 2', upstream: `read_timeout: ${seconds}s` });
    const oxbow = await startOxbow(t, yaml(60));
    const lanes = load(t, oxbow);
    await lanes.more(50);
    for (let i = 0; i < 50; ++i) await reload(oxbow, yaml(30 + i % 2));
    await lanes.more(50);
    const { asked, failed } = await lanes.stop();
    assert.deepEqual(failed, []);
    assert.equal(origin.requests, asked);
    assert.ok(origin.connections.opened <= 6 + 2, `${origin.connections.opened} connections`);
  });

  const broken = {
    'no PEM': { key: 'ca', content: 'no certificate\n' },
    'nothing': { key: 'ca', content: '' },
    'half a certificate': { key: 'ca',
      content: fs.readFileSync(ca.file, 'utf8').slice(0, 300) },
    'a certificate for another key': { key: 'cert', content: fs.readFileSync(clients[1].cert) },
    'no key': { key: 'key', content: fs.readFileSync(clients[0].cert) },
  };
  for (const [what, { key, content }] of Object.entries(broken)) {
    test(`by ${what}: the old one holds, and the log says so`, async (t) => {
      const origin = await startServer(t, demanding);
      const dir = tempDir(t);
      const files = {};
      for (const [name, from] of
        Object.entries({ ca: ca.file, cert: clients[0].cert, key: clients[0].key })) {
        files[name] = path.join(dir, name);
        copy(from, files[name]);
      }
      const good = fs.readFileSync(files[key]);
      const oxbow = await startTlsProxy(t, origin.address, `ca: ${files.ca}
        certificate: ${files.cert}
        certificate_key: ${files.key}`, { upstream: eachNew });
      await served200(oxbow);
      replace(files[key], content);
      await reloadsAre(oxbow, 'refused', 1);
      const complaint = new RegExp(String.raw`\[error\] \S+oxbow\.yaml:\d+:\d+: `
        + String.raw`upstreams\.app\.tls\.\w+: .*; what was loaded before stays`);
      await until(5000, 'the complaint', () => complaint.test(oxbow.stderr));
      await served200(oxbow);
      assert.equal(origin.handshakes.at(-1).client, 'first');
      assert.equal(origin.handshakes.at(-1).reused, true);
      // Asked for, it is an answer.
      const asked = await ask(`${oxbow.adminUrl}/api/reload`, { method: 'POST' });
      assert.equal(asked.status, 422);
      assert.equal(JSON.parse(asked.body).applied, false);
      await served200(oxbow);
      assert.equal((await reloads(oxbow)).applied, 0);

      replace(files[key], good);
      const other = fs.readFileSync(clients[1].cert);
      if (key !== 'ca') {
        replace(files.key, fs.readFileSync(clients[1].key));
        replace(files.cert, other);
      } else {
        replace(files.ca, good + fs.readFileSync(otherCa.file, 'utf8'));
      }
      await reloadsAre(oxbow, 'applied', 1);
      await served200(oxbow);
      assert.equal(origin.handshakes.at(-1).client, key === 'ca' ? 'first' : 'second');
      assert.equal(origin.handshakes.at(-1).reused, false);
      assert.equal(origin.requests, 4);
    });
  }

  test('a file that is gone and comes back', async (t) => {
    const origin = await startServer(t);
    const file = path.join(tempDir(t), 'ca.pem');
    copy(ca.file, file);
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${file}`, { upstream: eachNew });
    await served200(oxbow);
    fs.rmSync(file);
    const { status } = await ask(`${oxbow.adminUrl}/api/reload`, { method: 'POST' });
    assert.equal(status, 422);
    await served200(oxbow);
    copy(otherCa.file, file);
    await reloadsAre(oxbow, 'applied', 1);
    assert.match((await ask(oxbow.url)).proxyStatus, /error=tls_certificate_error/);
    copy(ca.file, file);
    await reloadsAre(oxbow, 'applied', 2);
    await until(5000, 'an answer', async () => (await ask(oxbow.url)).status === 200);
  });

  // A ConfigMap or Secret is a folder of symbolic links by way of ..data, which is swapped.
  test('as Kubernetes does, all of them at once', async (t) => {
    const origin = await startServer(t, demanding);
    const dir = tempDir(t);
    const put = (version, { cert, key }) => {
      const folder = path.join(dir, version);
      fs.mkdirSync(folder);
      const files = { 'ca.crt': ca.file, 'tls.crt': cert, 'tls.key': key };
      for (const [name, from] of Object.entries(files))
        fs.copyFileSync(from, path.join(folder, name));
      fs.symlinkSync(version, path.join(dir, '..data_tmp'));
      fs.renameSync(path.join(dir, '..data_tmp'), path.join(dir, '..data'));
    };
    put('..one', clients[0]);
    for (const name of ['ca.crt', 'tls.crt', 'tls.key'])
      fs.symlinkSync(path.join('..data', name), path.join(dir, name));
    const oxbow = await startTlsProxy(t, origin.address, `ca: ${dir}/ca.crt
      certificate: ${dir}/tls.crt
      certificate_key: ${dir}/tls.key`, { top: 'workers: 2' });
    const lanes = load(t, oxbow, 4);
    await lanes.more(50);
    let before = '..one';
    for (const [version, next, cn] of [['..two', clients[1], 'second'],
      ['..three', clients[0], 'first'], ['..four', clients[1], 'second']]) {
      put(version, next);
      fs.rmSync(path.join(dir, before), { recursive: true });
      before = version;
      await until(10000, `a handshake of ${cn}`, () => origin.handshakes.at(-1).client === cn);
      await lanes.more(50);
    }
    const { failed } = await lanes.stop();
    assert.deepEqual(failed, []);
    assert.deepEqual(await reloads(oxbow), { applied: 3, refused: 0 });
  });
});
