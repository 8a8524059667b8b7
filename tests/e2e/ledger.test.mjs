// Many clients and their origins note what they sent and saw, while origins die, freeze and lie,
// connections are cut and the configuration changes. Afterwards the notes must agree: ledger.mjs
// has the rules. First the rules themselves, against a relay that is broken on purpose.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { sanitized, sleep, startOxbow, tempDir, until } from './harness.mjs';
import { check, checkProcess, descriptorsOf, readOrigins, sample } from './ledger.mjs';
import { Dice, Load, startCutter, startLedgerOrigin, startProgram, tally } from './ledger_load.mjs';
import { metric } from './observe.mjs';

const seed = Number(process.env.LEDGER_SEED ?? Date.now() % 1000000);

function ledgerFile(t) {
  const file = path.join(tempDir(t), 'ledger');
  fs.writeFileSync(file, '');
  return file;
}

const shown = (broken) => JSON.stringify(broken.slice(0, 5), null, 1);

// The rules that clients of a relay with that fault find broken.
async function rulesBroken(t, fault) {
  const ledger = ledgerFile(t);
  const origin = await startLedgerOrigin(t, ledger);
  const relay = await startProgram(t, 'broken_relay.mjs', String(origin.port), fault);
  await sleep(300);
  const before = sample(relay.process.pid);
  const load = new Load(
    { url: `http://127.0.0.1:${relay.port}`, direct: 10, seed, deadline: fault === 'hang' ? 4000 : 60000 });
  await until(90000, 'load', () => load.requests.length > 400 || !relay.process.running
    || load.requests.some(({ outcome }) => outcome === 'hung'));
  await load.stop();
  await sleep(300);
  const broken = check(load.requests, readOrigins(ledger));
  const process = checkProcess(relay.process, before, { growth: 160 * 1024 });
  return { rules: new Set([...broken.map(({ rule }) => rule), ...process]), broken, load };
}

describe('the rules', { concurrency: 3 }, () => {
  test('nothing is wrong with a relay that works', async (t) => {
    const { rules, broken, load } = await rulesBroken(t, 'none');
    assert.deepEqual([...rules], [], shown(broken));
    const outcomes = new Set(load.requests.map(({ outcome }) => outcome));
    assert.deepEqual([...outcomes].sort(), ['complete', 'cut', 'left']);
  });

  for (const [fault, expected] of Object.entries({
    swap: 'own answer', flip: 'own body', pad: 'own body', shorten: 'whole', hang: 'in time',
    drop: 'answered', replay: 'once', invent: 'reached', finish: 'upload',
    descriptors: 'descriptors', memory: 'memory', complain: 'log', die: 'alive',
  })) {
    test(`a relay with the fault "${fault}" breaks "${expected}"`, async (t) => {
      const { rules } = await rulesBroken(t, fault);
      assert.ok(rules.has(expected), `it breaks ${JSON.stringify([...rules])}`);
    });
  }
});

// The faults --------------------------------------------------------------------------------------

const kVariants = [
  {},
  { upstream: 'max_conns: 8', route: 'add_header: { X-Variant: one }' },
  { upstream: 'keepalive: 2', listener: 'keepalive_requests: 50' },
  { upstream: 'balance: least_conn', without: 1 },
  { upstream: 'read_timeout: 4s', listener: 'client_body_buffer_size: 0' },
  { upstream: 'replay_buffer: 0', route: 'proxy_set_header: { X-Variant: five }' },
  { upstream: 'proxy_buffers: 8k', without: 2 },
  { upstream: 'keepalive_requests: 20', listener: 'client_max_body_size: 20' },
];

const yaml = (servers, { upstream = '', listener = '', route = '', without } = {}) => `
shutdown_timeout: 5s
drain_spread: 0s
workers: 2
admin: { listen: 127.0.0.1:0 }
upstreams:
  app:
    servers: [ ${servers.filter((_, i) => i !== without).map((s) => `"${s}"`).join(', ')} ]
    queue: { size: 500, timeout: 3s }
    connect_timeout: 2s
    keepalive_timeout: 2s
    ${upstream.includes('max_conns') ? '' : 'max_conns: 16'}
    ${upstream.includes('read_timeout') ? '' : 'read_timeout: 3s'}
    ${upstream}
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: ./access.log }
    ${listener.replace('client_max_body_size: 20', 'client_max_body_size: 20m')}
    routes:
      - proxy_pass: app
        ${route}
`;

class Faults {
  constructor(dice, origins, cutters, oxbow) {
    this.dice = dice;
    this.origins = origins;
    this.cutters = cutters;
    this.oxbow = oxbow;
    this.counts = {};
    this.busy = new Set();
  }

  async killed(origin) {
    await origin.kill();
    await sleep(this.dice.below(800));
    await origin.start();
  }

  async frozen(origin) {
    origin.signal('SIGSTOP');
    await sleep(200 + this.dice.below(1800));
    origin.signal('SIGCONT');
  }

  async cut() {
    const byReset = this.dice.chance(50);
    for (const cutter of this.cutters) cutter.cut(byReset, () => this.dice.chance(30));
  }

  async reloaded() {
    const servers = this.origins.map(({ address }) => address);
    servers[2] = this.cutters[0].address;
    const variant = this.dice.oneOf(kVariants);
    const text = this.dice.chance(15) ? 'listeners: broken' : yaml(servers, variant);
    fs.writeFileSync(this.oxbow.file, text);
    process.kill(this.oxbow.pid, 'SIGHUP');
  }

  // One at a time for each origin.
  async once() {
    const kind = this.dice.oneOf(['killed', 'killed', 'frozen', 'cut', 'cut', 'reloaded']);
    const origin = this.dice.oneOf(this.origins);
    if (kind === 'killed' || kind === 'frozen') {
      if (this.busy.has(origin)) return;
      this.busy.add(origin);
      await this[kind](origin);
      this.busy.delete(origin);
    } else {
      await this[kind]();
    }
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  async run(ms) {
    const running = [];
    for (const end = Date.now() + ms; Date.now() < end;) {
      running.push(this.once());
      await sleep(150 + this.dice.below(400));
    }
    await Promise.all(running);
  }
}

test('through 40 s of faults the ledgers agree', async (t) => {
  t.diagnostic(`LEDGER_SEED=${seed}`);
  const ledger = ledgerFile(t);
  const origins = await Promise.all([1, 2, 3].map(() => startLedgerOrigin(t, ledger)));
  const behind = await startCutter(t, origins[2].port);
  const oxbow = await startOxbow(t, yaml([origins[0].address, origins[1].address, behind.address]));
  const front = await startCutter(t, oxbow.port);
  await metric(oxbow, 'oxbow_config_generation');
  await sleep(500);
  const before = sample(oxbow.pid);

  const load = new Load({ url: oxbow.url, direct: 30, cut: `http://${front.address}`, cutOff: 10,
    seed, deadline: 60000 });
  const faults = new Faults(new Dice(seed), origins, [behind, front], oxbow);
  await faults.run(40000);
  await load.stop();

  const counts = tally(load.requests);
  t.diagnostic(`${load.requests.length} requests: ${JSON.stringify(counts)}`);
  t.diagnostic(`faults: ${JSON.stringify(faults.counts)}`);
  t.diagnostic(`the longest took ${Math.max(...load.requests.map((r) => r.ended - r.started))} ms`);
  const broken = check(load.requests, readOrigins(ledger));
  assert.equal(broken.length, 0, shown(broken));
  assert.ok(counts['complete 200'] > load.requests.length / 2, JSON.stringify(counts));
  for (const kind of ['killed', 'frozen', 'cut', 'reloaded'])
    assert.ok(faults.counts[kind] > 2, kind);
  assert.ok((await metric(oxbow, 'oxbow_reloads_total'))['result="applied"'] > 2);
  // The metrics of a server that left are gone, the log has all.
  const log = fs.readFileSync(path.join(oxbow.dir, 'access.log'), 'utf8');
  const [reused, replayed] = ['reused', 'replayed'].map((key) => log.split(`"${key}":true`).length);
  t.diagnostic(`${reused} over a used connection, ${replayed} replayed`);
  assert.ok(reused > load.requests.length / 2 && replayed > 10);

  // Without load nothing is left of it.
  await until(15000, 'descriptors given back', () => descriptorsOf(oxbow.pid) <= before.descriptors)
    .catch(() => {});
  const now = sample(oxbow.pid);
  t.diagnostic(`before ${JSON.stringify(before)}, behind it ${JSON.stringify(now)}`);
  const growth = sanitized ? Infinity : 48 * 1024;
  assert.deepEqual(checkProcess(oxbow, before, { growth }), []);
});
