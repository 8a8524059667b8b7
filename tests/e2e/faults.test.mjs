// Servers that die and freeze under load, crowds of clients, and what runs out: descriptors, disk,
// patience.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { MiB, Process, atEnd, proxyTo, sanitized, sleep, startOxbow, tempDir, until, within }
  from './harness.mjs';
import { Asking, get, startNaming } from './faults_load.mjs';
import { Kills } from './kills.mjs';
import { descriptorsOf } from './ledger.mjs';
import { startLedgerOrigin } from './ledger_load.mjs';
import { ask, metric } from './observe.mjs';
import { startOrigin } from './origin.mjs';
import { startPlainServer } from './raw_origins.mjs';

const admin = 'admin: { listen: 127.0.0.1:0 }';

// Of all threads, in ms.
function cpuOf(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function cpuWithin(pid, ms) {
  const before = cpuOf(pid);
  await sleep(ms);
  return cpuOf(pid) - before;
}

const descriptorsBack = (oxbow, before) => until(20000, 'descriptors given back', () =>
  descriptorsOf(oxbow.pid) <= before);

// Of a request: what is longer than any time that a server may have, on any machine.
const kHangs = 20000;

// Servers that die and freeze --------------------------------------------------------------------

let lastNonce = 0;
const askShort = () => ({ 'X-Nonce': `n${++lastNonce}`, 'X-Size': 0, 'X-Want': 100,
  'X-Framing': 'length', 'X-Fault': 'none' });

async function startPair(t, settings) {
  const ledger = path.join(tempDir(t), 'ledger');
  const origins = [await startLedgerOrigin(t, ledger), await startLedgerOrigin(t, ledger)];
  const servers = origins.map(({ address }) => address).join('", "');
  const oxbow = await startOxbow(t, proxyTo(servers, settings));
  const load = new Asking(oxbow.url, 10, { headers: askShort });
  await until(20000, 'load', () => load.answers.length > 100);
  return { origins, load };
}

// `fault(origin)` by turns for `ms`, once a second, or as fast as they come back.
async function byTurns(origins, ms, fault) {
  const end = Date.now() + ms;
  for (let i = 0; Date.now() < end; ++i) {
    const next = Date.now() + 1000;
    await fault(origins[i % origins.length]);
    await sleep(Math.max(100, next - Date.now()));
  }
}

describe('two servers for a minute', { concurrency: 2 }, () => {
  test('kill -9 by turns: a request fails only if it was under way', async (t) => {
    const { origins, load } = await startPair(t, { upstream: 'read_timeout: 3s' });
    const kills = new Kills();
    await byTurns(origins, 60000, async (origin) => {
      await kills.during(() => origin.kill());
      await sleep(300);
      await origin.start();
    });
    await load.stop();
    t.diagnostic(`${kills.windows.length} kills, ${load.answers.length} requests,`
      + ` ${load.failed.length} failed, the longest took ${load.longest} ms`);
    kills.check(load.failed, load.clients.length);
    assert.ok(load.longest < kHangs, `${load.longest} ms`);
  });

  test('kill -STOP and -CONT by turns: nothing fails, nothing is late', async (t) => {
    const { origins, load } = await startPair(t, { upstream: 'read_timeout: 60s' });
    await byTurns(origins, 58000, async (origin) => {
      origin.signal('SIGSTOP');
      await sleep(700);
      origin.signal('SIGCONT');
    });
    await load.stop();
    t.diagnostic(`${load.answers.length} requests, the longest took ${load.longest} ms`);
    assert.deepEqual(load.failed, []);
    assert.ok(load.longest < kHangs, `${load.longest} ms`);
  });

  test('a server that is frozen for good costs read_timeout, and a 504', async (t) => {
    const { origins, load } = await startPair(t, { upstream: 'read_timeout: 1s' });
    origins[0].signal('SIGSTOP');
    await sleep(5000);
    await within(60000, 'the end of all, while it is frozen', load.stop());
    origins[0].signal('SIGCONT');
    for (const { started, ended, status, says } of load.failed) {
      assert.equal(status, 504);
      assert.match(says, /^oxbow; error=connection_read_timeout/);
      assert.ok(ended - started >= 990, `${ended - started} ms`);
    }
    t.diagnostic(`${load.failed.length} of ${load.answers.length} requests: 504`);
    assert.ok(load.failed.length > 0);
  });
});

// Crowds -----------------------------------------------------------------------------------------

const kCrowd = fileURLToPath(new URL('faults_crowd.mjs', import.meta.url));

class Crowd {
  constructor(t, port, count) {
    this.process = new Process(process.execPath, [kCrowd, String(port), String(count)]);
    atEnd(t, () => this.leave());
  }

  get seen() { return JSON.parse(this.process.stdout.trim().split('\n').at(-1) || '{}'); }

  async leave() {
    if (this.process.running) this.process.signal('SIGKILL');
    await this.process.finish(10000);
  }
}

test('G.3 20,000 connections at once, and room for 6,000', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top: `${admin}\nworker_connections: 6000`,
    upstream: 'max_conns: 50\nqueue: { size: 20000, timeout: 2m }',
    listener: 'keepalive_timeout: 10m\nclient_header_timeout: 2m',
  }));
  const before = descriptorsOf(oxbow.pid);
  const steady = new Asking(oxbow.url, 5, { pause: 20 });
  await until(20000, 'load', () => steady.answers.length > 20);
  const crowds = [1, 2].map(() => new Crowd(t, oxbow.port, 10000));
  const sum = (key) => crowds.reduce((all, { seen }) => all + (seen[key] ?? 0), 0);
  await until(240000, 'all have tried, and some are served', () =>
    sum('tried') === 20000 && sum('answered') >= 5995);

  // What is beyond that waits in the kernel, and disturbs nobody.
  const cpu = await cpuWithin(oxbow.pid, 2000);
  assert.ok(sanitized || cpu < 1000, `${cpu} ms of CPU in 2 s`);
  const open = Object.values(await metric(oxbow, 'oxbow_listener_connections_open'))[0];
  assert.equal(open, 6000);
  t.diagnostic(JSON.stringify(crowds.map(({ seen }) => seen)));
  assert.equal(sum('broken') + sum('others'), 0);
  assert.equal(sum('answered'), 5995);

  await Promise.all(crowds.map((crowd) => crowd.leave()));
  const { status } = await within(20000, 'a new client', get(oxbow.url, false));
  assert.equal(status, 200);
  await steady.stop();
  assert.deepEqual(steady.failed, []);
  assert.ok(steady.longest < kHangs, `${steady.longest} ms`);
  await descriptorsBack(oxbow, before + 50);
});

// Clients that ask once and stay. `answered` are those of them who have an answer.
class Staying {
  constructor(t, port, count) {
    this.sockets = Array.from({ length: count }, () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.text = '';
      socket.on('data', (bytes) => { socket.text += bytes; });
      socket.on('error', (error) => { socket.text += error.code; });
      socket.write('GET / HTTP/1.1\r\nHost: crowd\r\n\r\n');
      return socket;
    });
    atEnd(t, () => this.sockets.forEach((socket) => socket.destroy()));
  }

  get answered() { return this.sockets.filter(({ text }) => text !== ''); }

  leave(sockets) {
    for (const socket of sockets) socket.destroy();
    this.sockets = this.sockets.filter((socket) => !sockets.includes(socket));
  }
}

test('G.3 more clients than descriptors: servers and admin stay in reach', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const settings = { top: admin, upstream: 'max_conns: 16', listener: 'keepalive_timeout: 10m' };
  const oxbow = await startOxbow(t, proxyTo(origin.address, settings),
    { under: ['prlimit', '--nofile=256:256'] });
  const steady = new Asking(oxbow.url, 3, { pause: 20 });
  await until(20000, 'load', () => steady.answers.length > 20);
  const crowd = new Staying(t, oxbow.port, 400);
  await until(20000, 'some are served', () => crowd.answered.length >= 100);
  await sleep(1000);

  const served = crowd.answered.length;
  const cpu = await cpuWithin(oxbow.pid, 2000);
  t.diagnostic(`${served} of 400 are served, ${cpu} ms of CPU in 2 s`);
  assert.ok(served < 256);
  assert.ok(sanitized || cpu < 1000, `${cpu} ms of CPU in 2 s`);
  const page = await within(5000, 'the admin page', ask(`${oxbow.adminUrl}/metrics`));
  assert.equal(page.status, 200);

  // Who waited is served when others leave, until all have been.
  let left = 0;
  while (left < 400) {
    const answered = await within(20000, 'more are served', until(15000, 'more are served', () =>
      crowd.answered.length > 0 && crowd.answered));
    for (const { text } of answered) assert.match(text, /^HTTP\/1\.1 200 /);
    left += answered.length;
    crowd.leave(answered);
  }
  await steady.stop();
  assert.deepEqual(steady.failed, []);
});

// What runs out ----------------------------------------------------------------------------------

test('an access log on a full disk: serving goes on, and what is lost is counted', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address,
    { top: admin, listener: 'access_log: { path: /dev/full }' }));
  const load = new Asking(oxbow.url, 20, { pause: 1 });
  await sleep(2000);
  await load.stop();
  assert.deepEqual(load.failed, []);
  await until(5000, 'all are counted', async () =>
    Object.values(await metric(oxbow, 'oxbow_access_log_dropped_total'))[0]
      === load.answers.length);
  assert.match(oxbow.stderr, /cannot write to \/dev\/full: No space left on device/);
  const lines = oxbow.stderr.split('\n').length;
  assert.ok(lines < 100, `${lines} lines of the log`);
});

test('G.8 a flood of lines for the log: 20 a second, the others counted', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.socket.destroy());
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  const started = Date.now();
  const load = new Asking(oxbow.url, 20, { pause: 0 });
  await until(20000, 'a flood', () => load.answers.length > 1000);
  await load.stop();
  const seconds = (Date.now() - started) / 1000;
  await oxbow.stop();
  assert.ok(load.answers.every(({ status }) => status === 502));
  const written = oxbow.stderr.match(/GET \/: 502 connection_terminated/g).length;
  const told = [...oxbow.stderr.matchAll(/(\d+) more lines were suppressed like: /g)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
  assert.equal(written + told, load.answers.length);
  assert.ok(written <= 20 * (seconds + 2), `${written} lines in ${seconds} s`);
});

test('A.24 100,000 pipelined requests of one connection are answered in order', async (t) => {
  const kCount = 100000;
  const origin = await startNaming(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream: 'keepalive_requests: 1000000' }));
  const before = oxbow.status('VmRSS');
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let next = 0;
  const send = () => {
    while (next < kCount) {
      let group = '';
      for (let i = 0; i < 1000; ++i) group += `GET /${next++} HTTP/1.1\r\nHost: many\r\n\r\n`;
      if (!socket.write(group)) return socket.once('drain', send);
    }
  };
  send();
  let seen = 0;
  let text = '';
  await within(100000, 'the answers', new Promise((done, failed) => {
    socket.on('error', failed);
    socket.on('close', () => failed(new Error(`closed behind ${seen} answers`)));
    socket.on('data', (bytes) => {
      text += bytes;
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0;) {
        const behind = end + 4 + String(seen).length;
        if (text.length < behind) return;
        if (!text.startsWith('HTTP/1.1 200 ') || text.slice(end + 4, behind) !== String(seen))
          return failed(new Error(`not the answer to ${seen}: ${text.slice(0, behind)}`));
        text = text.slice(behind);
        if (++seen === kCount) done();
      }
    });
  }));
  assert.equal(origin.requests, kCount);
  const growth = oxbow.status('VmRSS') - before;
  assert.ok(sanitized || growth < 8192, `${growth} KiB more`);
});

// Patience ---------------------------------------------------------------------------------------

// An upload of 10 GiB by `head`; `piece` is what follows, again and again. Gives its socket.
function upload(t, oxbow, head, piece) {
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  socket.on('error', () => {});
  socket.write(`POST / HTTP/1.1\r\nHost: large\r\n${head}\r\n\r\n`);
  const send = () => {
    while (!socket.destroyed) if (!socket.write(piece)) return socket.once('drain', send);
  };
  send();
  return socket;
}

const kPiece = Buffer.alloc(65536, 'x');

for (const [form, head, piece] of [
  ['Content-Length', 'Content-Length: 10737418240', kPiece],
  ['chunks', 'Transfer-Encoding: chunked', Buffer.concat([Buffer.from('10000\r\n'), kPiece,
    Buffer.from('\r\n')])],
]) {
  test(`G.4 10 GiB in ${form} to a server that reads nothing: memory stays flat`, async (t) => {
    const origin = await startPlainServer(t, (socket) => socket.pause());
    const oxbow = await startOxbow(t, proxyTo(origin.address, { upstream: 'send_timeout: 10s' }));
    assert.equal((await ask(`${oxbow.url}/`, { method: 'TRACE' })).status, 405);
    await sleep(300);
    const before = { memory: oxbow.status('VmRSS'), descriptors: descriptorsOf(oxbow.pid) };
    const socket = upload(t, oxbow, head, piece);
    await until(10000, 'a connection to the server', () => origin.sockets.length === 1);
    await sleep(2000);
    const growth = oxbow.status('VmRSS') - before.memory;
    t.diagnostic(`${socket.bytesWritten} bytes were taken, ${growth} KiB more`);
    assert.ok(socket.bytesWritten - socket.writableLength < 64 * MiB);
    assert.ok(sanitized || growth < 32 * 1024, `${growth} KiB more`);

    // A FIN would stand behind what nobody reads; then it is send_timeout that ends it.
    if (form === 'chunks') socket.destroy();
    else socket.resetAndDestroy();
    await descriptorsBack(oxbow, before.descriptors);
    assert.ok(sanitized || oxbow.status('VmRSS') - before.memory < 32 * 1024);
  });
}

const kEnded = 'oxbow_listener_connections_ended_total';

test('G.2 clients that read nothing: the server waits, and send_timeout ends it', async (t) => {
  const kSize = 64 * MiB;
  const bytes = Buffer.alloc(kSize, 'x');
  const origin = await startOrigin(t, (request, response) => {
    response.setHeader('Content-Length', kSize);
    response.write(bytes);
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top: admin,
    upstream: 'rcvbuf: 32k\nmax_conns: 10', listener: 'sndbuf: 32k\nsend_timeout: 10s' }));
  await metric(oxbow, 'oxbow_read_ahead_bytes');
  const before = { memory: oxbow.status('VmRSS'), descriptors: descriptorsOf(oxbow.pid) };
  const clients = Array.from({ length: 10 }, () => {
    const socket = net.connect(oxbow.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: slow\r\n\r\n');
    socket.pause();
    return socket;
  });
  atEnd(t, () => clients.forEach((socket) => socket.destroy()));
  await until(10000, 'all at the server', () => origin.requests === 10);
  await sleep(1000);
  const ahead = Object.values(await metric(oxbow, 'oxbow_read_ahead_bytes'))[0];
  assert.ok(ahead > 0 && ahead <= 10 * 64 * 1024, `${ahead} bytes read ahead`);
  const growth = oxbow.status('VmRSS') - before.memory;
  assert.ok(sanitized || growth < 8192, `${growth} KiB more`);
  await until(60000, 'the end of all', async () =>
    (await metric(oxbow, kEnded))['reason="send_timeout"'] === 10);
  await until(5000, 'the end at the server', () => origin.connections.open.size === 0);
  await descriptorsBack(oxbow, before.descriptors);
});

// `pieces` of a request, one each 100 ms. Gives { text, ms } when oxbow has ended the connection.
async function drip(t, oxbow, pieces) {
  const started = Date.now();
  const socket = net.connect(oxbow.port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let text = '';
  socket.on('data', (bytes) => { text += bytes; });
  socket.on('error', () => {});
  const ended = new Promise((done) => socket.on('close', done));
  for (let i = 0; i < pieces.length && text === '' && !socket.destroyed; ++i) {
    socket.write(pieces[i]);
    await sleep(100);
  }
  await within(10000, 'the end of the connection', ended);
  return { text, ms: Date.now() - started };
}

const impatient = { top: admin, listener: 'client_header_timeout: 2s\nclient_body_timeout: 3s' };

test('G.1 200 clients whose fields come byte by byte: 408, others are served', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, impatient));
  const load = new Asking(oxbow.url, 3, { pause: 20 });
  const head = ['GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ', ...'x'.repeat(60)];
  const drips = await Promise.all(Array.from({ length: 200 }, () => drip(t, oxbow, head)));
  await load.stop();
  for (const { text, ms } of drips) {
    assert.match(text, /^HTTP\/1\.1 408 /);
    assert.ok(ms >= 1990, `${ms} ms`);
  }
  assert.deepEqual(load.failed, []);
  assert.equal(origin.requests, load.answers.length);
});

test('G.1 a body that stops: 408 after client_body_timeout, small or not', async (t) => {
  const origin = await startPlainServer(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, impatient));
  for (const size of [100, 1000000]) {
    const head = `POST / HTTP/1.1\r\nHost: slow\r\nContent-Length: ${size}\r\n\r\n`;
    const { text, ms } = await drip(t, oxbow, [head, ...'x'.repeat(10)]);
    assert.match(text, /^HTTP\/1\.1 408 /);
    assert.ok(ms >= 2990, `${ms} ms`);
  }
  await until(5000, 'the end at the server', () =>
    origin.sockets.every(({ readyState }) => readyState !== 'open'));
});
