// Handshakes with clients: which are refused, with which alert, and which only take their time.
// Names that begin with E and a number are lines of docs/bad-inputs.md.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { atEnd, curl, proxyTo, sleep, startOxbow, tempDir, until, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { Client, certificates, clientHello, connect, ended, handshakes, kAdmin, kAlert, kClose,
  pairOf, refusal, sClient, startRelay, tlsProxyTo } from './tls_client.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] });

async function start(t, block = '', settings = {}) {
  const origin = await startOrigin(t, (request, response) => response.end('served\n'));
  const yaml = tlsProxyTo(origin.address, `${certificates(pairOf(leaf))}, ${block}`,
    { top: kAdmin, ...settings });
  return { origin, oxbow: await startOxbow(t, yaml) };
}

async function isServed(t, oxbow, options = {}) {
  const client = await connect(t, oxbow.port, options);
  client.version = client.socket.getProtocol();
  client.get('/', 'Connection: close');
  assert.equal(await client.ends(), null);
  assert.match(client.text, /^HTTP\/1\.1 200 [^]*served\n$/);
  return client;
}

// Sends `pieces`, one every few milliseconds, until oxbow ends the connection. How long that took.
async function dribble(t, oxbow, pieces) {
  const socket = net.connect(oxbow.port, '127.0.0.1').setNoDelay(true);
  atEnd(t, () => socket.destroy());
  const started = Date.now();
  let closed = false;
  let received = 0;
  socket.on('data', (bytes) => { received += bytes.length; });
  socket.on('error', () => {});
  socket.on('close', () => { closed = true; });
  for (const piece of pieces) {
    if (closed) break;
    socket.write(piece);
    await sleep(5);
  }
  await until(5000, 'end of the connection', () => closed);
  assert.equal(received, 0);
  return Date.now() - started;
}

const timedOut = (oxbow, count) => until(5000, `${count} timed out`, async () =>
  await ended(oxbow, 'handshake_timeout') === count);

function* bytesOf(bytes) {
  for (const byte of bytes) yield Buffer.of(byte);
}

// A ClientHello that says to be of 60,000 bytes, in records with one byte each.
function* fragments() {
  const record = (byte) => Buffer.of(22, 3, 1, 0, 1, byte);
  for (const byte of [1, 0, 0xea, 0x60, 3, 3]) yield record(byte);
  for (let i = 0; i < 2000; ++i) yield record(i & 255);
}

test('E.1 a ClientHello byte by byte ends at handshake_timeout', async (t) => {
  const { origin, oxbow } = await start(t, 'handshake_timeout: 400ms');
  const hello = await clientHello(t);
  const ms = await dribble(t, oxbow, bytesOf(hello));
  assert.ok(ms >= 395 && ms < 9000, `${ms} ms of ${hello.length} bytes`);
  await timedOut(oxbow, 1);
  assert.equal(await ended(oxbow, 'handshake_failed'), 0);
  assert.equal(await handshakes(oxbow, 'failed'), 1);
  assert.equal(origin.connections.opened, 0);
  await isServed(t, oxbow);
});

test('E.1 a ClientHello in fragments without end, too', async (t) => {
  const { origin, oxbow } = await start(t, 'handshake_timeout: 400ms');
  const ms = await dribble(t, oxbow, fragments());
  assert.ok(ms >= 395 && ms < 9000, `${ms} ms`);
  await timedOut(oxbow, 1);
  assert.equal(origin.connections.opened, 0);
});

test('E.1 so does silence, at once or behind a whole ClientHello', async (t) => {
  const { oxbow } = await start(t, 'handshake_timeout: 300ms');
  assert.ok(await dribble(t, oxbow, []) >= 295);
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  const closed = new Promise((done) => socket.on('close', done));
  socket.write(await clientHello(t));
  await within(3000, 'end of the connection', closed);
  await timedOut(oxbow, 2);
});

test('E.1 what is slow but complete in time is served', async (t) => {
  const { oxbow } = await start(t, 'handshake_timeout: 60s');
  let writes = 0;
  const byByte = async (piece, send) => {
    for (const byte of bytesOf(piece)) {
      send(byte);
      ++writes;
      await new Promise(setImmediate);
    }
  };
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const relay = await startRelay(t, oxbow.port, { split: byByte });
    await isServed(t, { port: relay.ownPort }, { minVersion: version, maxVersion: version });
  }
  assert.ok(writes > 800, `${writes}`);
  assert.equal(await handshakes(oxbow, 'full'), 2);
  assert.equal(await handshakes(oxbow, 'failed'), 0);
});

test('a ClientHello over many records', async (t) => {
  const { oxbow } = await start(t);
  const inRecords = async (piece, send) => {
    if (piece[0] !== 22 || piece.length !== 5 + piece.readUInt16BE(3)) return send(piece);
    for (let at = 5; at < piece.length; at += 10) {
      const part = piece.subarray(at, at + 10);
      send(Buffer.concat([piece.subarray(0, 3), Buffer.of(0, part.length), part]));
    }
  };
  const relay = await startRelay(t, oxbow.port, { split: inRecords });
  await isServed(t, { port: relay.ownPort });
});

// What comes in answer to `bytes`, until oxbow ends the connection.
async function answerTo(t, port, bytes) {
  const socket = net.connect(port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let received = Buffer.alloc(0);
  let error = null;
  socket.on('data', (piece) => { received = Buffer.concat([received, piece]); });
  socket.on('error', ({ code }) => { error = code; });
  const closed = new Promise((done) => socket.on('close', done));
  socket.write(bytes);
  await within(5000, 'end of the connection', closed);
  assert.equal(error, null);
  return received;
}

test('E.4 no common ALPN protocol: no_application_protocol', async (t) => {
  const { origin, oxbow } = await start(t);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const only = { minVersion: version, maxVersion: version };
    for (const ALPNProtocols of [['h2'], ['http/0.9', 'spdy/3'], ['HTTP/1.1']])
      assert.equal(await refusal(t, oxbow.port, { ...only, ALPNProtocols }),
        'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  }
  assert.equal(origin.connections.opened, 0);
  await until(2000, 'all counted', async () => await ended(oxbow, 'handshake_failed') === 6);
  assert.equal(await handshakes(oxbow, 'failed'), 6);
  assert.match(oxbow.stderr, /127\.0\.0\.1: TLS handshake failed: no application protocol/);
});

test('E.4 http/1.1 is chosen among others, and a client without ALPN is fine', async (t) => {
  const { oxbow } = await start(t);
  const chosen = async (ALPNProtocols) =>
    (await isServed(t, oxbow, { ALPNProtocols })).socket.alpnProtocol;
  assert.equal(await chosen(['h2', 'http/1.1']), 'http/1.1');
  assert.equal(await chosen(['http/1.1', 'h2']), 'http/1.1');
  assert.equal(await chosen(undefined), false);
});

test('E.5 TLS 1.1 and older: protocol_version', async (t) => {
  const { origin, oxbow } = await start(t);
  for (const version of ['-tls1_1', '-tls1']) {
    const { code, text } = await sClient(oxbow.port, [version, '-cipher', 'ALL:@SECLEVEL=0']);
    assert.notEqual(code, 0);
    assert.match(text, /alert protocol version/);
  }
  // A client that would take TLS 1.1, to the byte: its ClientHello says 3.2 and names no others.
  const hello = await clientHello(t, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
  hello[10] = 2;
  const [type, , , ...rest] = await answerTo(t, oxbow.port, hello);
  assert.deepEqual([type, ...rest], [kAlert, 0, 2, 2, 70]);  // fatal, protocol_version
  // SSL 2.0, as OpenSSL spoke it once.
  await answerTo(t, oxbow.port, Buffer.from('802e0100020015000000100100800200800300800400800500' +
    '8006004007 00c00000000000000000000000000000000000'.replace(' ', ''), 'hex'));
  assert.equal(origin.connections.opened, 0);
  await isServed(t, oxbow);
});

test('E.5 renegotiation is refused, and costs that connection at most', async (t) => {
  const { origin, oxbow } = await start(t);
  const { text } = await sClient(oxbow.port, ['-tls1_2'], 'R\n', { stays: false });
  assert.match(text, /RENEGOTIATING/);
  assert.match(text, /no renegotiation/);
  const client = await connect(t, oxbow.port, { maxVersion: 'TLSv1.2' });
  client.get();
  await client.hears('served');
  client.socket.renegotiate({ rejectUnauthorized: false }, () => {});
  await until(5000, 'refusal', () => client.error !== null);
  assert.equal(client.error, 'ERR_SSL_NO_RENEGOTIATION');
  client.get();  // Node would go on; OpenSSL as a client does not
  await within(5000, 'end of the connection', client.closed);
  assert.equal(origin.requests, 1);
  assert.ok(oxbow.running);
  await isServed(t, oxbow);
});

// A session of s_client that says that early data may be sent, which oxbow never says: without it
// no client would send any.
function allowEarlyData(pem) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\n/g, ''), 'base64');
  assert.deepEqual([der[0], der[1]], [0x30, 0x82]);
  let at = 4;
  while (at < der.length && der[at] < 0xb0) {
    assert.notEqual(der[at], 0xaf, 'the session has early data already');
    const length = der[at + 1];
    at += 2 + (length < 128 ? length
      : (length === 0x81 ? 1 + der[at + 2] : 2 + der.readUInt16BE(at + 2)));
  }
  const most = Buffer.of(0xaf, 4, 2, 2, 0x40, 0);  // [15] 16384, see SSL_SESSION in OpenSSL
  const body = Buffer.concat([der.subarray(4, at), most, der.subarray(at)]);
  const all = Buffer.concat([Buffer.of(0x30, 0x82, body.length >> 8, body.length & 255), body]);
  const lines = all.toString('base64').match(/.{1,64}/g).join('\n');
  return `-----BEGIN SSL SESSION PARAMETERS-----\n${lines}\n-----END SSL SESSION PARAMETERS-----\n`;
}

test('E.5 early data is rejected; nothing of it reaches the origin', async (t) => {
  const { origin, oxbow } = await start(t);
  const session = path.join(tempDir(t), 'session.pem');
  const early = `${session}.early`;
  const first = await sClient(oxbow.port, ['-tls1_3', '-sess_out', session], kClose);
  assert.match(first.text, /Max Early Data: 0/);
  fs.writeFileSync(early, 'GET /early HTTP/1.1\r\nHost: early\r\n\r\n');
  fs.writeFileSync(session, allowEarlyData(fs.readFileSync(session, 'utf8')));
  const { text } = await sClient(oxbow.port, ['-tls1_3', '-sess_in', session, '-early_data', early],
    kClose);
  assert.match(text, /Early data was rejected/);
  assert.match(text, /^Reused, TLSv1\.3/m);
  assert.match(text, /served/);
  assert.equal(origin.requests, 2);  // one of each handshake
});

test('versions: no older than min_version, no newer than max_version', async (t) => {
  const newer = await start(t, 'min_version: TLSv1.3');
  assert.equal((await isServed(t, newer.oxbow)).version, 'TLSv1.3');
  assert.equal(await refusal(t, newer.oxbow.port, { maxVersion: 'TLSv1.2' }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  assert.equal(newer.origin.requests, 1);
  const older = await start(t, 'max_version: TLSv1.2');
  const client = await connect(t, older.oxbow.port);
  assert.equal(client.socket.getProtocol(), 'TLSv1.2');
  assert.equal(await refusal(t, older.oxbow.port, { minVersion: 'TLSv1.3' }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
});

test('ciphers and ciphersuites are those of the configuration, in its order', async (t) => {
  const { oxbow } = await start(t, 'ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305:' +
    'ECDHE-ECDSA-AES256-GCM-SHA384", ciphersuites: "TLS_AES_128_GCM_SHA256", groups: P-384');
  const cipherOf = async (options) =>
    (await connect(t, oxbow.port, options)).socket.getCipher().name;
  assert.equal(await cipherOf({}), 'TLS_AES_128_GCM_SHA256');
  assert.equal(await cipherOf({ maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305' }),
  'ECDHE-ECDSA-CHACHA20-POLY1305');
  assert.equal(await cipherOf({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }),
    'ECDHE-ECDSA-AES256-GCM-SHA384');
  assert.equal(await refusal(t, oxbow.port, { maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
  assert.equal(await refusal(t, oxbow.port, { minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384' }), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
  const client = await connect(t, oxbow.port);
  assert.equal(client.socket.getEphemeralKeyInfo().name, 'secp384r1');
});

test('without forward secrecy or authenticated encryption there is no handshake', async (t) => {
  const { oxbow } = await start(t);
  for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-SHA'])
    assert.equal(await refusal(t, oxbow.port, { maxVersion: 'TLSv1.2', ciphers }),
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
});

test('plain HTTP to a TLS port: 400 in plain text', async (t) => {
  const { origin, oxbow } = await start(t);
  const { status, text, code } = await curl([`http://127.0.0.1:${oxbow.port}/`]);
  assert.equal(code, 0);
  assert.equal(status, 400);
  assert.equal(text, '400 Bad Request: a plain HTTP request came to a TLS port\n');
  const post = await answerTo(t, oxbow.port,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(50000)}`);
  assert.match(post.toString(), /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\nConnection: close\r\n/);
  assert.equal(origin.connections.opened, 0);
  await until(2000, 'both counted', async () => await ended(oxbow, 'handshake_failed') === 2);
});

// Stopped meanwhile, oxbow finds the bytes and their end at once.
test('a client that leaves in the handshake is noticed at once', async (t) => {
  const { oxbow } = await start(t);
  const hello = await clientHello(t);
  const sent = ['', '\x16', hello.subarray(0, 100), hello];
  for (const [i, bytes] of sent.entries()) {
    oxbow.signal('SIGSTOP');
    const socket = net.connect(oxbow.port, '127.0.0.1');
    atEnd(t, () => socket.destroy());
    socket.on('error', () => {});
    await within(5000, 'bytes and end', new Promise((done) => socket.end(bytes, done)));
    oxbow.signal('SIGCONT');
    await until(2000, `${bytes.length} bytes counted`, async () =>
      await ended(oxbow, 'handshake_failed') === i + 1);
  }
  assert.equal(await handshakes(oxbow, 'failed'), sent.length);
});

test('what a refused client still sends does not keep it from reading why', async (t) => {
  const { oxbow } = await start(t);
  const hello = await clientHello(t, { ALPNProtocols: ['h2'] });
  for (const [bytes, answer] of [[hello, /^\x15\x03/],
    ['GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /]]) {
    const socket = net.connect({ port: oxbow.port, host: '127.0.0.1', allowHalfOpen: true });
    atEnd(t, () => socket.destroy());
    let text = '';
    let error = null;
    socket.on('data', (piece) => { text += piece.toString('latin1'); });
    socket.on('error', ({ code }) => { error = code; });
    socket.write(bytes);
    await within(5000, 'end of the answer', new Promise((done) => socket.once('end', done)));
    for (let i = 0; i < 5; ++i) {
      socket.write('more');
      await sleep(20);
    }
    assert.equal(error, null);
    assert.match(text, answer);
  }
});

test('other bytes to a TLS port end it without a request', async (t) => {
  const { origin, oxbow } = await start(t);
  for (const bytes of ['SSH-2.0-OpenSSH_9.2\r\n', '\0'.repeat(64), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    Buffer.of(kAlert, 3, 3, 0, 2, 2, 40), Buffer.of(23, 3, 3, 0, 4, 1, 2, 3, 4)])
    await answerTo(t, oxbow.port, bytes);
  assert.equal(origin.connections.opened, 0);
  await until(2000, 'all counted', async () => await ended(oxbow, 'handshake_failed') === 5);
  await isServed(t, oxbow);
});

test('TLS to a plain port: 400, and the connection closes', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  const answer = (await answerTo(t, oxbow.port, await clientHello(t))).toString();
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/i);
  const client = new Client(t, oxbow.port);
  assert.equal(await client.ends(), 'ERR_SSL_WRONG_VERSION_NUMBER');
  assert.equal(origin.connections.opened, 0);
});

test('curl trusts the CA, and nothing without it', async (t) => {
  const { oxbow } = await start(t);
  const url = `https://localhost:${oxbow.port}/`;
  const resolve = ['--resolve', `localhost:${oxbow.port}:127.0.0.1`];
  const trusted = await curl([...resolve, '--cacert', ca.file, url, url]);
  assert.equal(trusted.code, 0, trusted.stderr);
  assert.match(trusted.text, /^served\n\n200[^]*served\n$/);
  assert.equal(trusted.connects, 0);  // of the second
  assert.equal((await curl([...resolve, url])).code, 60);
});
