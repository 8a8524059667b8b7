// The clients that keep a ledger, and the processes that they are answered by.

import http from 'node:http';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

import { Process, atEnd, freePort, sleep, until } from './harness.mjs';
import { PatternReader, requestPattern, responsePattern } from './ledger.mjs';

// Numbers from a seed (mulberry32), so that a load can be had again.
export class Dice {
  constructor(seed) { this.state = seed >>> 0; }

  // From 0 up to, not including, `bound`.
  below(bound) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value;
    return Math.floor(((value ^ (value >>> 14)) >>> 0) / 2 ** 32 * bound);
  }

  oneOf(values) { return values[this.below(values.length)]; }
  chance(percent) { return this.below(100) < percent; }
}

const kSizes = [0, 1, 200, 200, 3000, 3000, 16384, 16385, 65536, 70000];
const kFaults = ['early', 'slow', 'reset', 'truncate', 'drop', 'close', 'close', 'close'];

const kKinds = [
  { method: 'GET', body: 'none', repeatable: true },
  { method: 'HEAD', body: 'none', repeatable: true },
  { method: 'POST', body: 'length', repeatable: false },
  { method: 'POST', body: 'chunked', repeatable: false },
  { method: 'POST', body: 'length', repeatable: true, key: true },
  { method: 'PUT', body: 'length', repeatable: true, key: true },
  { method: 'DELETE', body: 'none', repeatable: true },
];

const drawSize = (dice) => (dice.chance(4) ? 1 + dice.below(2 ** 20) : dice.oneOf(kSizes));

function draw(dice, nonce) {
  const kind = dice.oneOf(kKinds);
  const fault = dice.chance(15) ? dice.oneOf(kFaults) : 'none';
  return {
    nonce,
    ...kind,
    sends: kind.body === 'none' ? 0 : drawSize(dice),
    want: drawSize(dice),
    framing: dice.oneOf(['length', 'chunked']),
    fault,
    early: fault === 'early',
    // Where a client leaves: behind so much of the upload, or of the response.
    leaves: dice.chance(4) ? dice.oneOf(['sending', 'receiving']) : 'never',
    pauses: dice.chance(3),
    size: 0,
    right: true,
  };
}

function fieldsOf({ nonce, body, sends, want, framing, fault, key }) {
  return {
    'X-Nonce': nonce, 'X-Size': sends, 'X-Want': want, 'X-Framing': framing, 'X-Fault': fault,
    ...(key ? { 'Idempotency-Key': `"${nonce}"` } : {}),
    ...(body === 'length' ? { 'Content-Length': sends } : {}),
    ...(body === 'chunked' ? { 'Transfer-Encoding': 'chunked' } : {}),
  };
}

// Until all is sent, or nobody takes it any more.
async function upload(client, request) {
  const pattern = requestPattern(request.nonce);
  const stopAt = request.leaves === 'sending' ? request.sends >> 1 : request.sends;
  for (let sent = 0; sent < stopAt;) {
    if (request.outcome !== undefined || client.destroyed) return;
    const bytes = pattern.next(Math.min(stopAt - sent, request.pauses ? 8192 : 65536));
    sent += bytes.length;
    await new Promise((done) => {
      client.once('close', done);
      client.write(bytes, () => {
        client.off('close', done);
        done();
      });
    });
    if (request.pauses) await sleep(5);
  }
  if (request.leaves !== 'sending') client.end();
  else if (request.outcome === undefined) leave(client, request);
}

function leave(client, request) {
  request.outcome ??= 'left';
  client.destroy();
}

function receive(response, client, request) {
  request.status = response.statusCode;
  request.nonceBack = response.headers['x-nonce'];
  request.proxyStatus = response.headers['proxy-status'];
  const length = response.headers['content-length'];
  if (length !== undefined) request.length = Number(length);
  const body = new PatternReader(responsePattern(request.nonce));
  const leavesAt = request.leaves === 'receiving' ? request.want >> 1 : Infinity;
  response.on('data', (bytes) => {
    if (request.status === 200) body.take(bytes);
    request.size = body.size;
    request.right = body.right;
    if (body.size >= leavesAt) leave(client, request);
  });
  return new Promise((done) => {
    response.on('error', () => {});
    response.on('close', () => done(response.complete ? 'complete' : 'cut'));
  });
}

// Sends it and notes what becomes of it within `deadline` ms.
async function perform(url, agent, request, deadline) {
  request.started = Date.now();
  await new Promise((done) => {
    const client = http.request(url, { method: request.method, agent, headers: fieldsOf(request) });
    let answered = false;
    const end = (outcome) => {
      request.outcome ??= outcome;
      clearTimeout(timer);
      done();
    };
    const timer = setTimeout(() => {
      end('hung');
      client.destroy();
    }, deadline);
    client.on('error', (error) => {
      request.error ??= error.code ?? error.message;
      if (!answered) end('failed');
    });
    client.on('close', () => { if (!answered) end('failed'); });
    client.on('response', async (response) => {
      answered = true;
      const outcome = await receive(response, client, request);
      end(outcome);
      // An answer to half a request ends its connection.
      if (!client.writableFinished) client.destroy();
    });
    client.flushHeaders();
    upload(client, request);
  });
  request.ended = Date.now();
}

let clientCount = 0;

// Clients, each with a connection of its own that it keeps: `direct` ones at `url`, `cutOff` ones
// at `cut`, where their connections may be cut. `requests` is their ledger.
export class Load {
  constructor({ url, direct, cut, cutOff = 0, seed, deadline }) {
    this.requests = [];
    this.deadline = deadline;
    this.clients = Array.from({ length: direct + cutOff }, (_, i) => {
      const cuttable = i >= direct;
      return this.client(cuttable ? cut : url, cuttable, new Dice(seed + i));
    });
  }

  async client(url, cuttable, dice) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const name = `c${++clientCount}`;
    for (let i = 0; !this.over; ++i) {
      const request = { ...draw(dice, `${name}-${i}`), cuttable };
      this.requests.push(request);
      await perform(url, agent, request, this.deadline);
      if (dice.chance(20)) await sleep(dice.below(20));
    }
    agent.destroy();
  }

  // All of them have ended behind it.
  async stop() {
    this.over = true;
    await Promise.all(this.clients);
  }
}

// How many there are of each outcome and status.
export function tally(requests) {
  const counts = {};
  for (const { outcome, status = '-' } of requests) {
    const key = `${outcome} ${status}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

// A program of this folder that prints its port.
export class Program {
  constructor(file, args) {
    this.file = fileURLToPath(new URL(file, import.meta.url));
    this.args = args;
  }

  // A second time on the same port, which meanwhile is no client's.
  async start() {
    this.port ??= await freePort();
    this.address = `127.0.0.1:${this.port}`;
    this.process = new Process(process.execPath, [this.file, String(this.port), ...this.args]);
    await until(60000, `start of ${this.file}`, () => {
      if (!this.process.running) throw new Error(`${this.file} ended:\n${this.process.stderr}`);
      return this.process.stdout.startsWith(`${this.port}\n`);
    });
  }

  signal(name) { this.process.signal(name); }

  async kill() {
    this.signal('SIGKILL');
    await this.process.finish(10000);
  }
}

export async function startProgram(t, file, ...args) {
  const program = new Program(file, args);
  atEnd(t, () => program.process?.running && program.kill());
  await program.start();
  return program;
}

export const startLedgerOrigin = (t, ledger) => startProgram(t, 'ledger_origin.mjs', ledger);

// Node never comes to an end with a reset behind a FIN of its own.
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

// A TCP relay in the test's own process, which cuts what passes through it.
export class Cutter {
  constructor(target) {
    this.target = target;
    this.pairs = new Set();
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  accept(socket) {
    const other = net.connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = [socket, other];
    this.pairs.add(pair);
    for (const [from, to] of [pair, [other, socket]]) {
      from.pipe(to);
      from.on('error', () => reset(to));
      from.on('close', () => {
        if (to.destroyed) this.pairs.delete(pair);
        else to.destroySoon();
      });
    }
  }

  // Those that `chosen` is true for, by RST or by FIN.
  cut(byReset, chosen) {
    for (const pair of this.pairs) {
      if (!chosen()) continue;
      for (const socket of pair) {
        socket.unpipe();
        if (byReset) reset(socket);
        else socket.destroy();
      }
    }
  }
}

export async function startCutter(t, target) {
  const cutter = new Cutter(target);
  const { server } = cutter;
  atEnd(t, () => {
    cutter.cut(false, () => true);
    return new Promise((done) => server.close(done));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await new Promise((done) => server.once('listening', done));
  cutter.address = `127.0.0.1:${server.address().port}`;
  return cutter;
}
