// TLS sessions with servers: who resumes is told by the server, each time.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { sleep, until } from './harness.mjs';
import { startHaproxy } from './haproxy.mjs';
import { startNginx } from './nginx.mjs';
import { ask, endpointOf, metric, reload, startTlsProxy, tlsProxy, upstreamOf }
  from './observe.mjs';
import { startOpensslServer } from './openssl_server.mjs';
import { startOrigin } from './origin.mjs';
import { served } from './raw_origins.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] });
const trusting = `ca: ${ca.file}`;
const only = (version) => ({ minVersion: version, maxVersion: version });
const versions = ['TLSv1.2', 'TLSv1.3'];

// A connection for each request.
const eachNew = { upstream: 'keepalive: 0' };

async function startNginxWith(t, version, lines = '') {
  const nginx = await startNginx(t, `ssl_protocols ${version}; ${lines}`, { tls: leaf });
  fs.writeFileSync(`${nginx.root}/page`, 'served');
  return nginx;
}

// `count` requests, one behind the other.
async function askEach(oxbow, count, path = '/page') {
  const answers = [];
  for (let i = 0; i < count; ++i) answers.push(await ask(`${oxbow.url}${path}`));
  for (const { status, complete } of answers) assert.deepEqual([status, complete], [200, true]);
  return answers;
}

const reusedOf = (seen) => seen.map(({ reused }) => reused);
const firstFull = (count) => [false, ...Array(count - 1).fill(true)];

async function checkCounted(oxbow, { full, resumed, refused = 0 }) {
  const { tls } = await endpointOf(oxbow);
  assert.deepEqual(tls.handshakes, { full, resumed, failed: 0 });
  assert.equal(tls.tickets_refused, refused);
  assert.equal(tls.resumption_ratio, resumed / (full + resumed));
  assert.equal((await upstreamOf(oxbow)).resumption_ratio, resumed / (full + resumed));
  assert.deepEqual(await metric(oxbow, 'oxbow_upstream_tls_handshakes_total'),
    { 'result="full"': full, 'result="resumed"': resumed, 'result="failed"': 0 });
  assert.deepEqual(await metric(oxbow, 'oxbow_upstream_tls_tickets_refused_total'),
    { '': refused });
  assert.deepEqual(await metric(oxbow, 'oxbow_upstream_tls_handshake_seconds_count'),
    { '': full + resumed });
}

describe('every handshake behind the first resumes', { concurrency: 2 }, () => {
  const count = 20;
  const kinds = {
    'tickets': '',
    'a shared cache, no tickets': 'ssl_session_tickets off; ssl_session_cache shared:tls:1m;',
  };
  for (const version of versions) {
    for (const workers of [1, 2]) {
      for (const [kind, lines] of Object.entries(kinds)) {
        test(`nginx, ${version}, ${kind}, workers: ${workers}`, async (t) => {
          const nginx = await startNginxWith(t, version, lines);
          const oxbow = await startTlsProxy(t, nginx.address, trusting,
            { ...eachNew, top: `workers: ${workers}` });
          await askEach(oxbow, count);
          const seen = await nginx.seen(count);
          assert.deepEqual(reusedOf(seen), firstFull(count));
          assert.equal(seen[0].version, version);
          assert.equal(await nginx.connections(count), count);
          await checkCounted(oxbow, { full: 1, resumed: count - 1 });
        });
      }
    }

    test(`nginx, ${version}, which closes after each response itself`, async (t) => {
      const nginx = await startNginxWith(t, version, 'keepalive_requests 1;');
      const oxbow = await startTlsProxy(t, nginx.address, trusting);
      await askEach(oxbow, count);
      assert.deepEqual(reusedOf(await nginx.seen(count)), firstFull(count));
      await checkCounted(oxbow, { full: 1, resumed: count - 1 });
    });

    test(`HAProxy, ${version}`, async (t) => {
      const haproxy = await startHaproxy(t, leaf, `ssl-min-ver ${version} ssl-max-ver ${version}`);
      const oxbow = await startTlsProxy(t, haproxy.address, trusting, eachNew);
      const answers = await askEach(oxbow, count);
      assert.deepEqual(answers.map(({ headers }) => headers['x-reused']),
        firstFull(count).map((reused) => reused ? '1' : '0'));
      for (const { headers } of answers) assert.equal(headers['x-version'], version);
      await checkCounted(oxbow, { full: 1, resumed: count - 1 });
    });

    test(`openssl s_server, ${version}`, async (t) => {
      const origin = await startOpensslServer(t, leaf,
        [version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3']);
      const oxbow = await startTlsProxy(t, origin.address, trusting, eachNew);
      const answers = await askEach(oxbow, count);
      assert.deepEqual(answers.map(({ body }) => /^Reused, /m.test(body)), firstFull(count));
      await checkCounted(oxbow, { full: 1, resumed: count - 1 });
    });
  }

  test('Node, TLSv1.2', async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end(),
      served(leaf, only('TLSv1.2')));
    const oxbow = await startTlsProxy(t, origin.address, trusting, eachNew);
    await askEach(oxbow, count);
    assert.deepEqual(reusedOf(origin.handshakes), firstFull(count));
    await checkCounted(oxbow, { full: 1, resumed: count - 1 });
  });

  // Node gives two tickets with a full handshake and none with a resumed one; no ticket is used
  // twice (RFC 8446, appendix C.4).
  test('Node, TLSv1.3: as often as there are tickets', async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end(),
      served(leaf, only('TLSv1.3')));
    const oxbow = await startTlsProxy(t, origin.address, trusting, eachNew);
    await askEach(oxbow, 30);
    const resumed = reusedOf(origin.handshakes).filter((reused) => reused).length;
    assert.ok(resumed >= 20, `${resumed}`);
    await checkCounted(oxbow, { full: 30 - resumed, resumed });
  });

  test('each server has its own sessions', async (t) => {
    const nginxes = [await startNginxWith(t, 'TLSv1.3'), await startNginxWith(t, 'TLSv1.2')];
    // Two workers take turns each by itself.
    const oxbow = await startTlsProxy(t, nginxes.map(({ address }) => address), trusting,
      { ...eachNew, top: 'workers: 1' });
    await askEach(oxbow, 20);
    for (const nginx of nginxes) assert.deepEqual(reusedOf(await nginx.seen(10)), firstFull(10));
    for (const index of [0, 1]) {
      const { tls } = await endpointOf(oxbow, index);
      assert.deepEqual([tls.handshakes.full, tls.handshakes.resumed, tls.tickets_refused],
        [1, 9, 0]);
    }
  });
});

describe('no session is resumed', { concurrency: 5 }, () => {
  const none = (count) => Array(count).fill(false);
  for (const version of versions) {
    test(`nginx, ${version}, without cache and tickets`, async (t) => {
      const nginx = await startNginxWith(t, version,
        'ssl_session_cache off; ssl_session_tickets off;');
      const oxbow = await startTlsProxy(t, nginx.address, trusting, eachNew);
      await askEach(oxbow, 10);
      assert.deepEqual(reusedOf(await nginx.seen(10)), none(10));
      const { tls } = await endpointOf(oxbow);
      assert.deepEqual(tls.handshakes, { full: 10, resumed: 0, failed: 0 });
      assert.equal(tls.resumption_ratio, 0);
    });

    test(`openssl s_server, ${version}, without tickets`, async (t) => {
      const origin = await startOpensslServer(t, leaf, version === 'TLSv1.2'
        ? ['-tls1_2', '-no_ticket', '-no_cache'] : ['-tls1_3', '-num_tickets', '0']);
      const oxbow = await startTlsProxy(t, origin.address, trusting, eachNew);
      const answers = await askEach(oxbow, 10);
      for (const { body } of answers) assert.doesNotMatch(body, /^Reused, /m);
      await checkCounted(oxbow, { full: 10, resumed: 0 });
      assert.equal((await endpointOf(oxbow)).tls.sessions, 0);
    });

    test(`session_reuse: off, ${version}, until it is on`, async (t) => {
      const nginx = await startNginxWith(t, version);
      const oxbow =
        await startTlsProxy(t, nginx.address, `${trusting}\nsession_reuse: off`, eachNew);
      await askEach(oxbow, 5);
      assert.deepEqual(reusedOf(await nginx.seen(5)), none(5));
      assert.equal((await endpointOf(oxbow)).tls.sessions, 0);
      await checkCounted(oxbow, { full: 5, resumed: 0 });
      await reload(oxbow, tlsProxy(nginx.address, trusting, eachNew));
      await askEach(oxbow, 3);
      assert.deepEqual(reusedOf((await nginx.seen(8)).slice(5)), firstFull(3));
      await reload(oxbow, tlsProxy(nginx.address, `${trusting}\nsession_reuse: off`, eachNew));
      await askEach(oxbow, 3);
      assert.deepEqual(reusedOf((await nginx.seen(11)).slice(8)), none(3));
      await checkCounted(oxbow, { full: 9, resumed: 2 });
    });

    // The server told how long, so that none is offered for longer.
    for (const [kind, lines] of [['tickets are', ''],
      ['those of its cache are', 'ssl_session_tickets off; ssl_session_cache shared:tls:1m;']]) {
      test(`nginx, ${version}, when ${kind} older than ssl_session_timeout`, async (t) => {
        const nginx = await startNginxWith(t, version, `ssl_session_timeout 4s; ${lines}`);
        const oxbow = await startTlsProxy(t, nginx.address, trusting, eachNew);
        await askEach(oxbow, 2);
        await sleep(5100);
        await askEach(oxbow, 1);
        assert.deepEqual(reusedOf(await nginx.seen(3)), [false, true, false]);
        const { tls } = await endpointOf(oxbow);
        assert.deepEqual(tls.handshakes, { full: 2, resumed: 1, failed: 0 });
        if (lines === '') assert.equal(tls.tickets_refused, 0);
      });
    }
  }
});

describe('tickets that the server does not know', { concurrency: 2 }, () => {
  for (const version of versions) {
    test(`${version}: restarted, and each costs no more than a full handshake`, async (t) => {
      const nginx = await startNginxWith(t, version);
      const oxbow = await startTlsProxy(t, nginx.address, trusting, eachNew);
      await askEach(oxbow, 5);
      await nginx.seen(5);
      await nginx.kill();
      await nginx.start();
      await askEach(oxbow, 5);
      assert.deepEqual(reusedOf(await nginx.seen(10)), [...firstFull(5), ...firstFull(5)]);
      await checkCounted(oxbow, { full: 2, resumed: 8, refused: 1 });
    });
  }

  // Two behind one address that do not share keys.
  test('TLSv1.3: two servers behind one address', async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end(), served(leaf));
    const oxbow = await startTlsProxy(t, origin.address, trusting, eachNew);
    for (let i = 0; i < 12; ++i) {
      origin.server.setTicketKeys(Buffer.alloc(48, i % 2));
      await askEach(oxbow, 1);
    }
    assert.equal(origin.requests, 12);
    const { tls } = await endpointOf(oxbow);
    const resumed = reusedOf(origin.handshakes).filter((reused) => reused).length;
    assert.equal(tls.handshakes.resumed, resumed);
    assert.equal(tls.handshakes.full, 12 - resumed);
    assert.equal(tls.tickets_refused, tls.handshakes.full - 1);
  });
});

// All of a wave are under way before the first is answered.
function inWaves(size) {
  let waiting = [];
  return (request, response) => {
    waiting.push(response);
    if (waiting.length < size) return;
    for (const each of waiting) each.end();
    waiting = [];
  };
}

async function wave(oxbow, size, path) {
  const answers = await Promise.all(Array.from({ length: size }, () => ask(`${oxbow.url}${path}`)));
  assert.deepEqual(answers.filter(({ status }) => status !== 200), []);
}

describe('bursts behind a warm-up of 200', () => {
  const size = 200;
  const burst = { top: 'workers: 2',
    upstream: 'keepalive: 0\nmax_connecting: 50\nqueue: { timeout: 2m }\nconnect_timeout: 60s' };

  for (const version of versions) {
    test(`nginx, ${version}: 99 % resume`, async (t) => {
      const slow = await startOrigin(t, inWaves(size));
      const nginx = await startNginxWith(t, version,
        `location /slow { proxy_pass http://${slow.address}; }`);
      const oxbow = await startTlsProxy(t, nginx.address, trusting, burst);
      await wave(oxbow, size, '/slow');
      await wave(oxbow, size, '/slow');
      const seen = await nginx.seen(2 * size);
      const second = reusedOf(seen.slice(size)).filter((reused) => reused).length;
      assert.ok(second >= 0.99 * size, `${second} of ${size} resumed`);
      assert.equal(slow.requests, 2 * size);
      const { tls } = await endpointOf(oxbow);
      // Besides one now and then that was opened for a request which another worker's served.
      const spare = tls.handshakes.full + tls.handshakes.resumed - 2 * size;
      assert.ok(spare >= 0 && spare <= 20, `${spare} more`);
      assert.ok(tls.handshakes.resumed >= reusedOf(seen).filter((reused) => reused).length);
      assert.equal(tls.tickets_refused, 0);
      assert.ok(tls.sessions <= 256, `${tls.sessions} sessions`);
    });
  }

  test('Node, TLSv1.2: 99 % resume', async (t) => {
    const origin = await startOrigin(t, inWaves(size), served(leaf, only('TLSv1.2')));
    const oxbow = await startTlsProxy(t, origin.address, trusting, burst);
    await wave(oxbow, size, '/');
    await wave(oxbow, size, '/');
    const second = reusedOf(origin.handshakes.slice(size)).filter((reused) => reused).length;
    assert.ok(second >= 0.99 * size, `${second} of ${size} resumed`);
  });
});

test('connections of keepalive_min resume too', async (t) => {
  const nginx = await startNginxWith(t, 'TLSv1.3');
  const oxbow = await startTlsProxy(t, nginx.address, trusting, { upstream: 'keepalive_min: 4' });
  await askEach(oxbow, 1);
  await until(10000, 'four idle connections', async () => {
    if ((await endpointOf(oxbow)).idle >= 4) return true;
    await askEach(oxbow, 1);
    return false;
  });
  const { tls, opened } = await endpointOf(oxbow);
  assert.equal(tls.handshakes.full + tls.handshakes.resumed, opened);
  assert.ok(tls.handshakes.resumed >= 1, JSON.stringify(tls.handshakes));
});
