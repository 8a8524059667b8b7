// Exchanges over TLS: their ends, large bodies, many small records, idleness and drain.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { MiB, Process, curl, sha256, sleep, startOxbow, until, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { certificates, connect, ended, kAdmin, kAlert, kClose, kCloseNotify, kTruncated,
  metric, pairOf, sClient, startRelay, tlsProxyTo } from './tls_client.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'] });
const noise = randomBytes(20 * MiB + 11);
const noiseSum = sha256(noise);

const only = (version) => ({ minVersion: version, maxVersion: version });
const versions = ['TLSv1.2', 'TLSv1.3'];

async function start(t, handler = (request, response) => response.end('served\n'),
  { block = 'session_tickets: on', ...settings } = {}) {
  const origin = await startOrigin(t, handler);
  const oxbow = await startOxbow(t, tlsProxyTo(origin.address,
    `${certificates(pairOf(leaf))}, ${block}`, { top: kAdmin, ...settings }));
  return { origin, oxbow };
}

// Of TLS 1.2, where the types of records are true: an alert in the end is close_notify.
const endsWithAlert = (relay) => relay.records().at(-1).type === kAlert;

// Ends ----------------------------------------------------------------------------------------

for (const version of versions) {
  test(`close_notify right behind a request is a half-close, ${version}`, async (t) => {
    const { oxbow } = await start(t, (request, response) =>
      setTimeout(() => response.end('x'.repeat(100000)), 100));
    for (const half of [true, false]) {  // with and without a FIN behind it
      const relay = await startRelay(t, oxbow.port, { half });
      const client = await connect(t, relay.ownPort, { ...only(version), allowHalfOpen: true });
      client.socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(5000, 'the response', () => client.text.endsWith('x'.repeat(1000)));
      assert.match(client.text, /^HTTP\/1\.1 200 /);
      assert.ok(client.text.split('\r\n\r\n')[1].length === 100000);
      await until(2000, 'end of the connection', () => relay.pairs[0].downEnded);
      assert.equal(client.error, null);
      if (version === 'TLSv1.2') assert.ok(endsWithAlert(relay));
    }
    await until(2000, 'both counted', async () =>
      await metric(oxbow, 'oxbow_listener_connections_open') === 0);
    assert.equal(await ended(oxbow, 'client_reset'), 0);
  });

  test(`close_notify behind a request with a body is one too, ${version}`, async (t) => {
    const { oxbow } = await start(t, (request, response) => request.pipe(response));
    const client = await connect(t, oxbow.port, { ...only(version), allowHalfOpen: true });
    client.socket.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await client.hears(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    assert.equal(await client.ends(), null);
  });

  test(`an end between two requests, with close_notify or not, is no error, ${version}`,
    async (t) => {
      const { oxbow } = await start(t, undefined, { listener: 'access_log: { path: stdout }' });
      const log = () => oxbow.stderr.split('\n').slice(3).join('\n');
      const polite = await connect(t, oxbow.port, only(version));
      polite.get();
      await polite.hears('served');
      polite.socket.end();
      await until(2000, 'the first count', async () => await ended(oxbow, 'client_closed') === 1);

      const relay = await startRelay(t, oxbow.port);
      const client = await connect(t, relay.ownPort, only(version));
      client.get();
      await client.hears('served');
      relay.pairs[0].server.end();  // FIN, and no alert
      await until(2000, 'the second count', async () => await ended(oxbow, 'client_closed') === 2);
      assert.equal(await ended(oxbow, 'client_reset'), 0);
      assert.equal(log(), '');
      await until(5000, 'two lines', () => oxbow.stdout.split('\n').length === 3);
      for (const line of oxbow.stdout.trim().split('\n'))
        assert.equal(JSON.parse(line).error, null);
    });

  test(`an end without close_notify inside a request reaches no origin, ${version}`, async (t) => {
    const { origin, oxbow } = await start(t);
    for (const cut of ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello',
      'GET / HTTP/1.1\r\nHost: a\r\n']) {
      const relay = await startRelay(t, oxbow.port);
      const client = await connect(t, relay.ownPort, only(version));
      const before = Buffer.concat(relay.up).length;
      client.write(cut);
      await until(5000, 'the bytes', () => Buffer.concat(relay.up).length > before + cut.length);
      relay.pairs[0].server.end();
      await within(5000, 'end of the connection', client.closed);
    }
    assert.equal(origin.requests, 0);
    await until(2000, 'both counted', async () => await ended(oxbow, 'client_reset') === 2);
  });

  const flag = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';

  test(`what the end delimits ends with close_notify, ${version}`, async (t) => {
    const { oxbow } = await start(t, (request, response) => {
      response.write('first ');
      setTimeout(() => response.end('last\n'), 50);
    });
    const { text } = await sClient(oxbow.port, [flag], 'GET / HTTP/1.0\r\n\r\n');
    assert.match(text, /^first last$/m);
    assert.doesNotMatch(text, /^(transfer-encoding|content-length)/mi);
    assert.match(text, kCloseNotify);
    assert.doesNotMatch(text, kTruncated);
    const client = await connect(t, oxbow.port, only(version));
    client.write('GET / HTTP/1.0\r\n\r\n');
    assert.equal(await client.ends(), null);
    assert.ok(client.ended);
    assert.match(client.text, /first last\n$/);
    const result = await curl(['--http1.0', '--no-alpn', '--cacert', ca.file,
      '--connect-to', '::127.0.0.1:', '--tls-max', version.slice(4), `https://localhost:${oxbow.port}/`]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.text, 'first last\n');
  });

  // The origin dies in the middle.
  test(`a response that is cut does not look complete, ${version}`, async (t) => {
    const { oxbow } = await start(t, (request, response) => {
      if (request.url === '/length') response.setHeader('Content-Length', 100);
      response.write('only this');
      setTimeout(() => request.socket.destroy(), 50);
    });
    const get = (path, ...options) => curl([...options, '--cacert', ca.file, '--connect-to',
      '::127.0.0.1:', '--tls-max', version.slice(4), `https://localhost:${oxbow.port}${path}`]);
    for (const path of ['/length', '/chunked']) {
      const { code, text } = await get(path);
      assert.equal(text, 'only this');
      assert.equal(code, 18, path);  // a partial file
    }
    const { code } = await get('/chunked', '--http1.0', '--no-alpn');
    assert.equal(code, 56);  // a failure in receiving
    const { text } = await sClient(oxbow.port, [flag], 'GET /chunked HTTP/1.0\r\n\r\n');
    assert.doesNotMatch(text, kCloseNotify);
    const relay = await startRelay(t, oxbow.port);
    const client = await connect(t, relay.ownPort, only('TLSv1.2'));
    client.write('GET /chunked HTTP/1.0\r\n\r\n');
    await client.ends();
    assert.match(client.text, /only this$/);
    assert.equal(endsWithAlert(relay), false);
    assert.ok(relay.pairs[0].reset);
  });

  test(`Connection: close ends with close_notify, ${version}`, async (t) => {
    const { oxbow } = await start(t);
    const { text } = await sClient(oxbow.port, [flag], kClose);
    assert.match(text, /^served$/m);
    assert.match(text, kCloseNotify);
    assert.doesNotMatch(text, kTruncated);
  });

  test(`an idle client is closed at keepalive_timeout with close_notify, ${version}`, async (t) => {
    const { oxbow } = await start(t, undefined, { listener: 'keepalive_timeout: 300ms' });
    const { text } = await sClient(oxbow.port, [flag], 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(text, /^served$/m);
    assert.match(text, kCloseNotify);
    assert.doesNotMatch(text, kTruncated);
    const relay = await startRelay(t, oxbow.port);
    const client = await connect(t, relay.ownPort, only(version));
    const since = Date.now();
    client.get();
    await client.hears('served');
    assert.equal(await client.ends(), null);
    assert.ok(Date.now() - since >= 250);
    if (version === 'TLSv1.2') assert.ok(endsWithAlert(relay));
    await until(5000, 'both counted', async () => await ended(oxbow, 'keepalive_timeout') === 2);
  });
}

test('a client that resets its connection in a response frees what it had', async (t) => {
  const { origin, oxbow } = await start(t, (request, response) => {
    response.write(noise.subarray(0, MiB));  // and no end
  });
  const relay = await startRelay(t, oxbow.port);
  const client = await connect(t, relay.ownPort);
  client.get();
  await client.hears('200 OK');
  relay.pairs[0].server.resetAndDestroy();
  await until(5000, 'end at the origin', () => origin.connections.open.size === 0);
  await until(5000, 'its end counted', async () =>
    await metric(oxbow, 'oxbow_listener_connections_open') === 0);
  await until(2000, 'memory', async () => await metric(oxbow, 'oxbow_read_ahead_bytes') === 0);
});

// Bytes -----------------------------------------------------------------------------------------

const served = { download: (request, response) => {
  if (request.headers['x-length']) response.setHeader('Content-Length', noise.length);
  response.end(noise);
}, upload: (request, response) => {
  const hash = createHash('sha256');
  let size = 0;
  request.on('data', (piece) => { hash.update(piece); size += piece.length; });
  request.on('end', () => response.end(`${size} ${hash.digest('hex')}`));
} };

// Reads a response in pieces, with a pause behind each MiB when it is slow.
const download = (port, { slow = false, ...options } = {}) => new Promise((done, failed) => {
  const hash = createHash('sha256');
  let size = 0;
  const request = https.get({ host: '127.0.0.1', port, agent: false, servername: 'localhost',
    rejectUnauthorized: false, ...options }, (response) => {
    let next = MiB;
    response.on('data', (piece) => {
      hash.update(piece);
      size += piece.length;
      if (!slow || size < next) return;
      next += MiB;
      response.pause();
      setTimeout(() => response.resume(), 20);
    });
    response.on('end', () => done({ size, sum: hash.digest('hex') }));
    response.on('error', failed);
  });
  request.on('error', failed);
});

for (const version of versions) {
  test(`20 MB down, in both framings, to fast and slow readers, ${version}`, async (t) => {
    const { oxbow } = await start(t, served.download);
    for (const headers of [{}, { 'X-Length': '1' }]) {
      for (const slow of [false, true]) {
        const result = await download(oxbow.port, { slow, headers, ...only(version) });
        assert.deepEqual(result, { size: noise.length, sum: noiseSum });
      }
    }
    await until(5000, 'memory', async () => await metric(oxbow, 'oxbow_read_ahead_bytes') === 0);
  });

  test(`20 MB up, in both framings, from fast and slow writers, ${version}`, async (t) => {
    const { oxbow } = await start(t, served.upload);
    for (const headers of [{ 'Content-Length': noise.length }, { 'Transfer-Encoding': 'chunked' }]) {
      for (const slow of [false, true]) {
        const request = https.request({ host: '127.0.0.1', port: oxbow.port, agent: false,
          servername: 'localhost', rejectUnauthorized: false, method: 'PUT', headers,
          ...only(version) });
        const answer = once(request, 'response');
        for (let at = 0; at < noise.length; at += MiB) {
          if (!request.write(noise.subarray(at, at + MiB))) await once(request, 'drain');
          if (slow) await sleep(10);
        }
        request.end();
        const [response] = await within(120000, 'the answer', answer);
        const pieces = await response.toArray();
        assert.equal(Buffer.concat(pieces).toString(), `${noise.length} ${noiseSum}`);
      }
    }
  });
}

test('20 MB up in records of 512 bytes', async (t) => {
  const { oxbow } = await start(t, served.upload);
  const client = await connect(t, oxbow.port);
  assert.ok(client.socket.setMaxSendFragment(512));
  client.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${noise.length}\r\n\r\n`);
  client.write(noise);
  await client.hears(`${noise.length} ${noiseSum}`, 120000);
});

test('20 MB both ways at once', async (t) => {
  const { oxbow } = await start(t, (request, response) => request.pipe(response));
  const request = https.request({ host: '127.0.0.1', port: oxbow.port, agent: false, method: 'POST',
    servername: 'localhost', rejectUnauthorized: false });
  request.end(noise);
  const [response] = await within(10000, 'the answer', once(request, 'response'));
  const hash = createHash('sha256');
  for await (const piece of response) hash.update(piece);
  assert.equal(hash.digest('hex'), noiseSum);
});

test('200 pipelined requests in one write get their answers in order', async (t) => {
  const { origin, oxbow } = await start(t, (request, response) => response.end(`<${request.url}>`));
  for (const version of versions) {
    const client = await connect(t, oxbow.port, only(version));
    client.write(Array.from({ length: 200 }, (_, i) =>
      `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await client.hears('</199>', 10000);
    assert.deepEqual(client.text.match(/<[^>]*>/g), Array.from({ length: 200 }, (_, i) => `</${i}>`));
  }
  assert.equal(origin.requests, 400);
  assert.equal(origin.connections.opened, 1);
});

test('a head over many records, and many records in one segment', async (t) => {
  const { origin, oxbow } = await start(t, served.upload);
  const head = 'POST /?q HTTP/1.1\r\nHost: a\r\nX-Long: ' + 'v'.repeat(300) +
    '\r\nContent-Length: 300\r\nConnection: close\r\n\r\n';
  const bytes = Buffer.from(head + 'b'.repeat(300));
  for (const version of versions) {
    for (const together of [false, true]) {
      // What is held is sent at once in the end.
      let held = together ? [] : null;
      const relay = await startRelay(t, oxbow.port, { split: (piece, send) => {
        if (held !== null && relay.opened) held.push(piece);
        else send(piece);
      } });
      const client = await connect(t, relay.ownPort, only(version));
      relay.opened = true;
      for (const byte of bytes)
        await new Promise((done) => client.socket.write(Buffer.of(byte), done));
      if (together) {
        await until(5000, 'all records', () => Buffer.concat(held).length >= bytes.length * 23);
        const all = Buffer.concat(held);
        held = null;
        relay.pairs[0].server.write(all);
      }
      await client.ends();
      assert.ok(client.text.includes(`300 ${sha256('b'.repeat(300))}`), `${version} ${together}`);
      const records = Buffer.concat(relay.up);
      assert.ok(records.length > bytes.length * 23, `${records.length}`);
    }
  }
  assert.equal(origin.requests, 4);
});

test('records that arrive byte by byte', async (t) => {
  const { oxbow } = await start(t);
  const split = async (piece, send) => {
    for (const byte of piece) {
      send(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  };
  for (const version of versions) {
    const relay = await startRelay(t, oxbow.port, { split });
    const client = await connect(t, relay.ownPort, only(version));
    for (let i = 1; i <= 3; ++i) {
      client.get();
      await until(5000, `answer ${i}`, () => client.text.match(/served/g)?.length === i);
    }
  }
});

test('a request together with the last bytes of the handshake', async (t) => {
  const { oxbow } = await start(t);
  // The client's second flight waits for the request.
  let held = null;
  const relay = await startRelay(t, oxbow.port, { split: (piece, send) => {
    if (held === null && relay.down.length === 0) return send(piece);
    held = Buffer.concat([held ?? Buffer.alloc(0), piece]);
  } });
  const client = await connect(t, relay.ownPort, only('TLSv1.3'));
  client.get('/', 'Connection: close');
  await until(5000, 'both', () => held !== null && held.length > 120);
  relay.pairs[0].server.write(held);
  await client.hears('served');
});

test('key updates of the client in the middle of a connection', async (t) => {
  const { oxbow } = await start(t);
  const child = new Process('openssl', ['s_client', '-connect', `127.0.0.1:${oxbow.port}`,
    '-tls1_3'], { input: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', keepStdin: true });
  const times = (text) => child.stdout.split(text).length - 1;
  for (const [i, letter] of ['k', 'K'].entries()) {  // K asks the server for one too
    await until(5000, 'an answer', () => times('served') === i + 1);
    child.child.stdin.write(`${letter}\n`);
    // It takes for a letter only what it reads alone.
    await until(5000, 'the update', () =>
      (child.stderr + child.stdout).match(/KEYUPDATE/g)?.length === i + 1);
    child.child.stdin.write(i === 0 ? 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' : kClose);
  }
  await child.finish(5000);
  assert.equal(times('served'), 3, child.stdout);
  assert.match(child.stdout, kCloseNotify);
});

// Longer than the tests are patient: what ends does so by itself.
const kShutdown = '60s';

// The end of the process --------------------------------------------------------------------------

test('SIGTERM: what is in flight finishes, idle clients see close_notify', async (t) => {
  const held = [];
  const { origin, oxbow } = await start(t, (request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('served\n');
  }, { shutdown: kShutdown });
  const idle = [];
  for (const version of [...versions, ...versions]) {
    const relay = await startRelay(t, oxbow.port);
    const client = await connect(t, relay.ownPort, only(version));
    client.get();
    await client.hears('served');
    idle.push({ client, relay, version });
  }
  const s = sClient(oxbow.port, [], 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(5000, 'the fifth', () => origin.requests === 5);
  const busy = await connect(t, oxbow.port);
  busy.get('/held');
  await until(5000, 'the request at the origin', () => held.length === 1);
  const opening = await startRelay(t, oxbow.port);  // a client that has not even begun
  oxbow.signal('SIGTERM');
  for (const { client, relay, version } of idle) {
    assert.equal(await client.ends(3000), null);
    assert.ok(client.ended);
    if (version === 'TLSv1.2') assert.ok(endsWithAlert(relay));
  }
  const { text } = await within(3000, 's_client', s);
  assert.match(text, kCloseNotify);
  assert.doesNotMatch(text, kTruncated);
  assert.ok(oxbow.running);
  held[0].end('finished\n');
  assert.equal(await busy.ends(3000), null);
  assert.match(busy.text, /\r\nConnection: close\r\n[^]*finished\n$/i);
  assert.deepEqual(await within(3000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
  assert.equal(opening.pairs.length, 0);
});

test('SIGTERM in a handshake: its own time is enough', async (t) => {
  const { oxbow } = await start(t, undefined, { block: 'handshake_timeout: 5s', shutdown: kShutdown });
  const silent = await startRelay(t, oxbow.port, { split: () => {} });
  const client = connect(t, silent.ownPort);
  client.catch(() => {});
  await until(5000, 'the client', async () =>
    await metric(oxbow, 'oxbow_listener_connections_open') === 1);
  oxbow.signal('SIGTERM');
  assert.deepEqual(await within(8000, 'end of oxbow', oxbow.exited), { code: 0, signal: null });
  await client;
});
