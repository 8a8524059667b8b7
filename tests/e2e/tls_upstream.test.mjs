// TLS to servers: what goes wrong in the handshake and at the end of a message, and how connections
// are pooled. Whom oxbow trusts is in tls_verification.test.mjs.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, describe, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { MiB, until, within } from './harness.mjs';
import { ask, endpointOf, logged, metric, startTlsProxy, upstreamOf, whileStopped }
  from './observe.mjs';
import { startOpensslServer } from './openssl_server.mjs';
import { startOrigin } from './origin.mjs';
import { reply, served, startPlainServer, startRelay, startTlsServer } from './raw_origins.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] });
const trusting = `ca: ${ca.file}`;
const only = (version) => ({ minVersion: version, maxVersion: version });
const versions = ['TLSv1.2', 'TLSv1.3'];

const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: 1\r\n\r\nevil';
const halfRecord = Buffer.from([22, 3, 3, 0, 90, 2, 0]);
const isClientHello = (bytes) => bytes[0] === 22 && bytes[1] === 3 && bytes[5] === 1;

// Servers that never come to the end of a handshake: what each does with a socket, and what is said
// of it.
const faults = {
  'plain bytes at once': {
    act: (socket) => socket.write(evil),
    token: 'tls_protocol_error', detail: 'wrong version number',
  },
  'plain bytes behind the ClientHello': {
    act: (socket) => socket.once('data', () => socket.write(evil)),
    token: 'tls_protocol_error', detail: 'wrong version number',
  },
  'plain bytes and the end': {
    act: (socket) => socket.once('data', () => socket.end(evil)),
    token: 'tls_protocol_error', detail: 'wrong version number',
  },
  'a banner': {
    act: (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
    token: 'tls_protocol_error', detail: 'wrong version number',
  },
  'a record of data': {
    act: (socket) => socket.once('data', () =>
      socket.write(Buffer.concat([Buffer.from([23, 3, 3, 0, evil.length]), Buffer.from(evil)]))),
    token: 'tls_protocol_error', detail: /^.+$/,
  },
  'the end at once': {
    act: (socket) => socket.end(),
    token: 'connection_terminated', detail: 'closed during the TLS handshake',
  },
  'the end behind the ClientHello': {
    act: (socket) => socket.once('data', () => socket.end()),
    token: 'connection_terminated', detail: 'closed during the TLS handshake',
  },
  'a reset behind the ClientHello': {
    act: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    token: 'connection_terminated', detail: 'closed during the TLS handshake',
  },
  'the end in the middle of a record': {
    act: (socket) => socket.once('data', () => socket.end(halfRecord)),
    token: 'connection_terminated', detail: 'closed during the TLS handshake',
  },
  'silence': {
    act: () => {},
    token: 'connection_timeout', detail: 'TLS handshake timed out', status: 504,
    result: 'connect_timeout',
  },
};

// Short where it is what ends the handshake, and too long to end any other.
const connectTimeout = ({ result }, ms) =>
  `connect_timeout: ${result === 'connect_timeout' ? ms : 60000}ms`;

function checkAnswer(answer, { token, detail, status = 502 }, line) {
  assert.equal(answer.status, status);
  assert.equal(answer.proxyStatus, `oxbow; error=${token}; details="${line.detail}"`);
  const title = status === 504 ? '504 Gateway Timeout' : '502 Bad Gateway';
  assert.equal(answer.body, `${title}: ${line.detail}\n`);
  assert.equal(answer.headers['x-evil'], undefined);
  assert.ok(answer.complete);
  assert.deepEqual([line.status, line.error, line.tries, line.upstream_status],
    [status, token, 1, null]);
  if (detail instanceof RegExp) assert.match(line.detail, detail);
  else assert.equal(line.detail, detail);
}

describe('E.7 a server that in place of a handshake sends', { concurrency: 3 }, () => {
  for (const [what, fault] of Object.entries(faults)) {
    test(what, async (t) => {
      const server = await startPlainServer(t, fault.act);
      const oxbow = await startTlsProxy(t, server.address, trusting,
        { upstream: connectTimeout(fault, 400) });
      const answer = await ask(oxbow.url, { method: 'POST', body: 'a secret' });
      const [line] = await logged(oxbow, 1);
      checkAnswer(answer, fault, line);
      if (fault.status === 504)
        assert.ok(line.total_ms >= 390 && line.total_ms < 20000, `${line.total_ms}`);

      const { closed, connected, tls } = await endpointOf(oxbow);
      assert.equal(connected, 0);
      assert.deepEqual(closed, { total: 1, [fault.result ?? 'handshake_failed']: 1 });
      assert.deepEqual(tls.handshakes, { full: 0, resumed: 0, failed: 1 });
      assert.deepEqual(tls.certificate_errors, {});
      assert.equal(
        (await metric(oxbow, 'oxbow_upstream_tls_handshakes_total'))['result="failed"'], 1);
      assert.equal(
        (await metric(oxbow, 'oxbow_listener_errors_total'))[`error="${fault.token}"`], 1);
      assert.equal(server.sockets.length, 1);
      const [received] = server.received;
      if (received.length > 0) assert.ok(isClientHello(received));
      assert.ok(!received.includes('secret') && !received.includes('POST'));
    });
  }

  test('plain HTTP alone, for it speaks nothing else', async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end('evil'));
    const oxbow = await startTlsProxy(t, origin.address, trusting);
    const answer = await ask(oxbow.url);
    checkAnswer(answer, faults['plain bytes at once'], (await logged(oxbow, 1))[0]);
    assert.equal(origin.requests, 0);
  });

  // Both are there when oxbow comes to read the first.
  for (const end of ['end', 'resetAndDestroy']) {
    test(`half a record, and in the same moment ${end}`, async (t) => {
      let asked;
      const hello = new Promise((done) => { asked = done; });
      const server = await startPlainServer(t, (socket) =>
        socket.once('data', () => asked(socket)));
      const oxbow = await startTlsProxy(t, server.address, trusting,
        { upstream: 'connect_timeout: 60s' });
      const answer = ask(oxbow.url);
      const socket = await hello;
      await whileStopped(oxbow, async () => {
        await new Promise((done) => socket.write(halfRecord, done));
        if (end === 'end') await new Promise((done) => socket.end(done));
        else socket.resetAndDestroy();
      });
      checkAnswer(await answer, faults['the end in the middle of a record'],
        (await logged(oxbow, 1))[0]);
    });
  }

  test('a byte now and then: connect_timeout is for all of it', async (t) => {
    const origin = await startOrigin(t, (request, response) => response.end(), served(leaf));
    const relay = await startRelay(t, origin.port, (client, data) => {
      let at = 0;
      const drip = setInterval(() => client.write(data.subarray(at, ++at)), 20);
      client.on('close', () => clearInterval(drip));
    });
    const oxbow = await startTlsProxy(t, relay.address, trusting,
      { upstream: 'connect_timeout: 400ms' });
    const answer = await ask(oxbow.url);
    const [line] = await logged(oxbow, 1);
    checkAnswer(answer, faults.silence, line);
    assert.ok(line.total_ms >= 390 && line.total_ms < 20000, `${line.total_ms}`);
    assert.equal(origin.requests, 0);
  });

  for (const [what, fault] of Object.entries(faults)) {
    test(`${what}; another one gets the request`, async (t) => {
      const bad = await startPlainServer(t, fault.act);
      const bodies = [];
      const origin = await startOrigin(t, async (request, response) => {
        let body = '';
        for await (const piece of request) body += piece;
        bodies.push(body);
        response.end('served');
      }, served(leaf));
      const oxbow = await startTlsProxy(t, [bad.address, origin.address], trusting,
        { upstream: `${connectTimeout(fault, 3000)}\nkeepalive: 0` });
      // Each server is the first choice of one of them; POST is not idempotent.
      const answers = await Promise.all(['one', 'two', 'three'].map((body) =>
        ask(oxbow.url, { method: 'POST', body })));
      assert.deepEqual(answers.map(({ status, body }) => [status, body]),
        Array(3).fill([200, 'served']));
      assert.deepEqual(bodies.sort(), ['one', 'three', 'two']);
      assert.ok(bad.sockets.length >= 1);
      for (const received of bad.received) assert.ok(!received.includes('POST'));
      const lines = await logged(oxbow, 3);
      assert.ok(lines.some(({ tries }) => tries === 2));
      for (const { error, endpoint } of lines)
        assert.deepEqual([error, endpoint], [null, origin.address]);
    });
  }
});

// A response without length lasts until the connection ends. Only close_notify tells that end from
// one that somebody on the way has made.
describe('E.8 the end of a response', { concurrency: 3 }, () => {
  const endless = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n';

  // An HTTP/1.0 client, for which the end of the connection is the end of the body.
  const askOld = (port, onText) => new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    const answer = { text: '' };
    socket.on('data', (data) => {
      answer.text += data;
      onText?.(answer.text);
    });
    socket.on('error', (error) => { answer.error = error.code; });
    socket.on('close', () => done(answer));
  });

  async function checkCutOff(oxbow, answer, detail) {
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, false);
    const [line] = await logged(oxbow, 1);
    assert.deepEqual([line.status, line.upstream_status, line.error, line.detail],
      [200, 200, 'http_response_incomplete', detail]);
    assert.equal(
      (await metric(oxbow, 'oxbow_listener_errors_total'))['error="http_response_incomplete"'], 1);
    assert.deepEqual((await endpointOf(oxbow)).closed, { total: 1, ended_in_exchange: 1 });
  }

  async function startCut(t, version, response) {
    const origin = await startTlsServer(t, served(leaf, only(version)),
      (socket) => socket.write(response));
    const relay = await startRelay(t, origin.port);
    return { relay, oxbow: await startTlsProxy(t, relay.address, trusting) };
  }

  for (const version of versions) {
    for (const [end, detail] of
      [['end', 'closed without close_notify'], ['resetAndDestroy', 'connection reset']]) {
      test(`${version}: ${end} without close_notify, no length`, async (t) => {
        const { relay, oxbow } = await startCut(t, version, `${endless}hello`);
        const answer = await ask(oxbow.url, { onData: () => relay.cutOff(end) });
        assert.equal(answer.body, 'hello');
        assert.equal(answer.headers['transfer-encoding'], 'chunked');
        await checkCutOff(oxbow, answer, detail);
      });
    }

    test(`${version}: the same to a client of HTTP/1.0`, async (t) => {
      const { relay, oxbow } = await startCut(t, version, `${endless}hello`);
      const { text, error } = await askOld(oxbow.port, (text) => {
        if (text.endsWith('hello')) relay.cutOff();
      });
      assert.match(text, /^HTTP\/1\.[01] 200 /);
      assert.equal(error, 'ECONNRESET');
      const [line] = await logged(oxbow, 1);
      assert.deepEqual([line.error, line.detail],
        ['http_response_incomplete', 'closed without close_notify']);
    });

    test(`${version}: half a record and FIN in the same moment, no length`, async (t) => {
      const origin = await startTlsServer(t, served(leaf, only(version)),
        (socket) => socket.write(`${endless}hello`));
      let cut;
      const relay = await startRelay(t, origin.port, (client, data) => {
        if (cut === undefined) client.write(data);
        else client.end(data.subarray(0, 500), cut);
      });
      const oxbow = await startTlsProxy(t, relay.address, trusting,
        { upstream: 'read_timeout: 60s' });
      let begun;
      const begin = new Promise((done) => { begun = done; });
      const answer = ask(oxbow.url, { onData: begun });
      await begin;
      await whileStopped(oxbow, () => new Promise((done) => {
        cut = done;
        origin.sockets[0].write('x'.repeat(16000));
      }));
      assert.equal((await answer).body, 'hello');
      await checkCutOff(oxbow, await answer, 'closed without close_notify');
    });

    test(`${version}: close_notify, no length`, async (t) => {
      const origin = await startTlsServer(t, served(leaf, only(version)),
        (socket) => socket.end(`${endless}hello`));
      const oxbow = await startTlsProxy(t, origin.address, trusting);
      const { status, body, complete } = await ask(oxbow.url);
      assert.deepEqual({ status, body, complete }, { status: 200, body: 'hello', complete: true });
      const old = await askOld(oxbow.port);
      assert.match(old.text, /^HTTP\/1\.[01] 200 [^]*\r\n\r\nhello$/);
      assert.equal(old.error, undefined);
      for (const line of await logged(oxbow, 2)) assert.equal(line.error, null);
      assert.deepEqual((await endpointOf(oxbow)).closed, { total: 2, response_close: 2 });
    });

    test(`${version}: all of Content-Length, no close_notify`, async (t) => {
      const { relay, oxbow } = await startCut(t, version, reply('hello', 'Connection: close\r\n'));
      const { status, body, complete } =
        await ask(oxbow.url, { onData: () => relay.cutOff() });
      assert.deepEqual({ status, body, complete }, { status: 200, body: 'hello', complete: true });
      assert.equal((await logged(oxbow, 1))[0].error, null);
    });

    const unfinished = {
      'less than Content-Length': 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
      'no last chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    };
    for (const [what, response] of Object.entries(unfinished)) {
      test(`${version}: close_notify, ${what}`, async (t) => {
        const origin = await startTlsServer(t, served(leaf, only(version)),
          (socket) => socket.end(response));
        const oxbow = await startTlsProxy(t, origin.address, trusting);
        await checkCutOff(oxbow, await ask(oxbow.url), 'connection closed');
      });
    }

    test(`${version}: openssl s_server, which sends no length`, async (t) => {
      const origin = await startOpensslServer(t, leaf,
        [version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3']);
      const oxbow = await startTlsProxy(t, origin.address, trusting);
      const { status, body, complete } = await ask(oxbow.url);
      assert.deepEqual([status, complete], [200, true]);
      assert.match(body, /s_server[^]*<\/HTML>\s*$/i);
    });
  }
});

describe('pooled connections', { concurrency: 2 }, () => {
  for (const version of versions) {
    test(`${version}: 200 requests over one`, async (t) => {
      const big = 'x'.repeat(100000);
      const origin = await startOrigin(t, (request, response) => {
        request.resume();
        request.on('end', () => response.end(request.url === '/big' ? big : request.url));
      }, served(leaf, only(version)));
      const oxbow = await startTlsProxy(t, origin.address, trusting);
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 200; ++i) {
        const at = i % 10 === 0 ? '/big' : `/${i}`;
        const { status, body } = await ask(`${oxbow.url}${at}`,
          i % 3 === 0 ? { agent, method: 'POST', body: big } : { agent });
        assert.equal(status, 200);
        assert.equal(body, at === '/big' ? big : at);
      }
      agent.destroy();
      assert.equal(origin.requests, 200);
      assert.equal(origin.connections.opened, 1);
      assert.equal(origin.handshakes.length, 1);
      const { opened, acquired, reused, tls } = await endpointOf(oxbow);
      assert.deepEqual({ opened, acquired, reused }, { opened: 1, acquired: 200, reused: 199 });
      assert.deepEqual(tls.handshakes, { full: 1, resumed: 0, failed: 0 });
    });

    test(`${version}: max_conns holds over two workers`, async (t) => {
      const origin = await startOrigin(t, (request, response) =>
        setTimeout(() => response.end(request.url), 1), served(leaf, only(version)));
      const oxbow = await startTlsProxy(t, origin.address, trusting,
        { top: 'workers: 2', upstream: 'max_conns: 3' });
      // Each client is a connection, and stays with one worker.
      await Promise.all(Array.from({ length: 12 }, async (_, lane) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (let i = 0; i < 40; ++i) {
          const { status, body } = await ask(`${oxbow.url}/${lane}-${i}`, { agent });
          assert.deepEqual([status, body], [200, `/${lane}-${i}`]);
        }
        agent.destroy();
      }));
      assert.equal(origin.requests, 480);
      assert.equal(origin.connections.most, 3);
      const { opened, moved, closed, tls } = await endpointOf(oxbow);
      assert.ok(moved > 0, 'connections moved');
      assert.equal(opened, origin.connections.opened);
      assert.equal(opened, 3 + closed.total);
      assert.equal(tls.handshakes.failed, 0);
      assert.equal(tls.handshakes.full + tls.handshakes.resumed, opened);
    });

    const ends = {
      'with close_notify': (origin) => { for (const socket of origin.sockets) socket.end(); },
      'without close_notify': (origin, relay) => relay.cutOff(),
      'by reset': (origin, relay) => relay.cutOff('resetAndDestroy'),
    };
    for (const [what, end] of Object.entries(ends)) {
      test(`${version}: the server ends idle ones ${what}, and no GET fails`, async (t) => {
        const origin = await startTlsServer(t, served(leaf, only(version)),
          (socket, head) => socket.write(reply(head.split(' ')[1])));
        const relay = await startRelay(t, origin.port);
        const oxbow = await startTlsProxy(t, relay.address, trusting);
        for (let round = 0; round < 40; ++round) {
          const answers = await Promise.all([1, 2, 3].map((lane) =>
            ask(`${oxbow.url}/${round}-${lane}`)));
          assert.deepEqual(answers.map(({ status, body }) => [status, body]),
            [1, 2, 3].map((lane) => [200, `/${round}-${lane}`]));
          end(origin, relay);
          // Every other time the end is on its way when the next request comes.
          if (round % 2 === 1) continue;
          await until(5000, 'all connections closed', () => {
            end(origin, relay);  // also one that opened meanwhile, for nobody
            return relay.pairs.size === 0;
          });
        }
        assert.ok(relay.opened >= 40, `${relay.opened} connections`);
        assert.equal((await upstreamOf(oxbow)).requests['2xx'], 120);
        const errors = await metric(oxbow, 'oxbow_listener_errors_total');
        assert.equal(errors['error="connection_terminated"'], 0);
        // An end without close_notify costs no session (RFC 8446, section 6.1).
        const { tls } = await endpointOf(oxbow);
        // Node gives two tickets of TLS 1.3 with a full handshake, and none with a resumed one.
        const fewest = version === 'TLSv1.3' ? (relay.opened - 3) / 2 : relay.opened - 3;
        assert.ok(tls.handshakes.resumed >= fewest, JSON.stringify(tls));
      });
    }

    test(`${version}: data on an idle one drops it`, async (t) => {
      const origin = await startTlsServer(t, served(leaf, only(version)),
        (socket, head, index) => socket.write(reply(`${index}`)));
      const oxbow = await startTlsProxy(t, origin.address, trusting);
      assert.equal((await ask(oxbow.url)).body, '0');
      origin.sockets[0].write(evil);
      await until(5000, 'a connection dropped', async () =>
        (await endpointOf(oxbow)).closed.total === 1);
      assert.deepEqual((await endpointOf(oxbow)).closed, { total: 1, unexpected_data: 1 });
      const { status, body, headers } = await ask(oxbow.url);
      assert.deepEqual([status, body, headers['x-evil']], [200, '1', undefined]);
    });

    test(`${version}: data behind a response drops it`, async (t) => {
      const origin = await startTlsServer(t, served(leaf, only(version)), (socket, head, index) =>
        socket.write(index === 0 ? reply('0') + evil : reply(`${index}`)));
      const oxbow = await startTlsProxy(t, origin.address, trusting);
      assert.equal((await ask(oxbow.url)).body, '0');
      const { status, body, headers } = await ask(oxbow.url);
      assert.deepEqual([status, body, headers['x-evil']], [200, '1', undefined]);
      assert.equal((await endpointOf(oxbow)).closed.unexpected_data, 1);
    });
  }

  // E.5. The client answers with a warning, and goes on as it was.
  test('a server that wants to renegotiate does not get its way', async (t) => {
    const origin = await startTlsServer(t, served(leaf, only('TLSv1.2')),
      (socket, head, index) => socket.write(reply(`${index}`)));
    const oxbow = await startTlsProxy(t, origin.address, trusting);
    assert.equal((await ask(oxbow.url)).body, '0');
    const refused = new Promise((done) => {
      origin.sockets[0].once('error', done);
      origin.sockets[0].once('close', done);
    });
    origin.sockets[0].renegotiate({}, () => {});
    await within(5000, 'refusal of the renegotiation', refused);
    assert.equal((await ask(oxbow.url)).status, 200);
    assert.equal(origin.requests, 2);
  });

  test('a POST that meets the end of an idle one is sent once or not at all', async (t) => {
    const bodies = new Map();
    const origin = await startOrigin(t, async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      bodies.set(body, (bodies.get(body) ?? 0) + 1);
      response.end(body);
    }, served(leaf));
    const relay = await startRelay(t, origin.port);
    const oxbow = await startTlsProxy(t, relay.address, trusting);
    for (let round = 0; round < 40; ++round) {
      const { status, proxyStatus } = await ask(oxbow.url, { method: 'POST', body: `${round}` });
      if (status === 200) assert.equal(bodies.get(`${round}`), 1);
      else assert.match(proxyStatus, /^oxbow; error=connection_terminated; /);
      relay.cutOff();
    }
    for (const count of bodies.values()) assert.equal(count, 1);
  });

  test('1 MiB each way, many at once', async (t) => {
    const size = MiB;
    const origin = await startOrigin(t, (request, response) => request.pipe(response),
      served(leaf));
    const oxbow = await startTlsProxy(t, origin.address, trusting, { top: 'workers: 2' });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) =>
      ask(oxbow.url, { method: 'POST', body: `${i}`.repeat(size) })));
    answers.forEach(({ status, body, complete }, i) => {
      assert.deepEqual([status, complete, body.length], [200, true, size]);
      assert.ok(body === `${i}`.repeat(size));
    });
  });
});
