// What the tests of names share: an oxbow whose upstream has a name, servers that such a name can
// lead to, load that does not stop, and what the admin address tells about names.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { atEnd, freePort, sleep, until } from './harness.mjs';
import { Kills } from './kills.mjs';
import { startNginx } from './nginx.mjs';
import { ask } from './observe.mjs';

// `server` as in YAML, of an upstream `app`. `resolver` is the inside of its mapping, `resolve`
// too; `upstream` has further lines of YAML.
export const namedProxy = (server, resolver, { resolve = 'ttl_min: 1s', upstream = '' } = {}) => `
shutdown_timeout: 5s
drain_spread: 0s
admin: { listen: 127.0.0.1:0 }
resolver: { ${resolver} }
upstreams:
  app:
    servers: [ ${server} ]
    resolve: { ${resolve} }
${upstream.trim().split('\n').map((line) => `    ${line.trim()}\n`).join('')}
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: ./access.log, format: json }
    routes: [ { proxy_pass: app } ]
`;

// Nothing but that DNS server.
export const askedOf = (dns, timeout = '2s') =>
  `addresses: [ ${dns.address} ], timeout: ${timeout}, hosts: off`;

// An nginx that tells its name at /who.
export const startNamed = (t, name, server = '') =>
  startNginx(t, `${server}\nlocation = /who { return 200 "${name}"; }`);

// Servers at addresses of loopback and one port, since a name has no port. They are named as
// `names` has them; gives { port, one: { ip, nginx }, ... }.
export async function startTwins(t, names = ['one', 'two']) {
  const port = await freePort();
  const twins = { port };
  for (const [i, name] of names.entries()) {
    const ip = `127.10.0.${i + 1}`;
    twins[name] = { ip, nginx: await startNamed(t, name, `listen ${ip}:${port} backlog=1024;`) };
  }
  return twins;
}

// How many requests nginx has written to its log.
export const served = (nginx) =>
  fs.readFileSync(path.join(nginx.dir, 'access.log'), 'utf8').split('\n').length - 1;

export const who = (oxbow, options) => ask(`${oxbow.url}/who`, options);

// Clients that ask who is there, each over one connection, again and again until stop().
class Load {
  constructor(oxbow, lanes, pause) {
    this.url = `${oxbow.url}/who`;
    this.pause = pause;
    this.answers = 0;
    this.failures = [];
    this.kills = new Kills();
    this.byName = new Map();  // { count, last }: `last` is when the last such request started
    this.recent = [];         // the names of the last 100
    this.stopped = false;
    this.agents = Array.from({ length: lanes },
      () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
    this.lanes = this.agents.map((agent) => this.run(agent));
  }

  async run(agent) {
    while (!this.stopped) {
      const started = Date.now();
      this.record(started, await ask(this.url, { agent }));
      await sleep(this.pause);
    }
  }

  record(started, answer) {
    ++this.answers;
    if (answer.status !== 200 || !answer.complete) {
      const { status, proxyStatus: says, error } = answer;
      this.failures.push({ started, ended: Date.now(), status, says, error });
      return;
    }
    const { count } = this.byName.get(answer.body) ?? { count: 0 };
    this.byName.set(answer.body, { count: count + 1, last: started });
    this.recent = [...this.recent.slice(-99), answer.body];
  }

  count(name) { return this.byName.get(name)?.count ?? 0; }
  last(name) { return this.byName.get(name)?.last ?? 0; }

  // Until `count` answers in a row came from `names` and nobody else.
  async settled(ms, names, count = 100) {
    const asked = [names].flat();
    await until(ms, `answers of ${asked} alone`, () => this.recent.length >= count
      && this.recent.slice(-count).every((name) => asked.includes(name)));
  }

  async stop() {
    this.stopped = true;
    await Promise.all(this.lanes);
    for (const agent of this.agents) agent.destroy();
  }

  // The servers die. What that takes with it, and nothing else, may fail.
  kill(...servers) {
    return this.kills.during(() => Promise.all(servers.map((server) => server.kill())),
      servers.length);
  }

  // No request has failed but those that went with a server, and there were some.
  check(least = 100) {
    this.kills.check(this.failures, this.lanes.length);
    assert.ok(this.answers >= least, `${this.answers} requests`);
  }
}

export function startLoad(t, oxbow, { lanes = 16, pause = 5 } = {}) {
  const load = new Load(oxbow, lanes, pause);
  atEnd(t, () => load.stop());
  return load;
}

// GET /api/dns. Everything that is known of its shape stands here and in `checkName`.
export async function namesOf(oxbow) {
  const { status, body } = await ask(`${oxbow.adminUrl}/api/dns`);
  assert.equal(status, 200, body);
  return JSON.parse(body).names;
}

export async function nameOf(oxbow, name) {
  const found = (await namesOf(oxbow)).filter((each) => each.name === name);
  assert.equal(found.length, 1, `${name} in /api/dns`);
  return found[0];
}

export const addressesOf = (entry) =>
  entry.addresses.map((each) => (typeof each === 'string' ? each : each.address).replace(/:\d+$/,
    '')).sort();

// `expected` has some of the members; what it leaves out is checked for its type only.
export function checkName(entry, expected) {
  assert.deepEqual(Object.keys(entry).sort(), ['addresses', 'age_s', 'failures', 'found_as',
    'last_error', 'name', 'next_refresh_s', 'services', 'source', 'state', 'ttl_s', 'upstreams']);
  assert.deepEqual(entry.upstreams, ['app']);
  assert.ok(['fresh', 'stale', 'unresolved', 'resolving'].includes(entry.state), entry.state);
  for (const key of ['age_s', 'ttl_s', 'next_refresh_s'])
    assert.ok(entry[key] === null || entry[key] >= 0, `${key}: ${entry[key]}`);
  assert.ok(Number.isInteger(entry.failures));
  const { addresses, ...others } = expected;
  if (addresses !== undefined) assert.deepEqual(addressesOf(entry), [...addresses].sort());
  for (const [key, value] of Object.entries(others)) assert.deepEqual(entry[key], value, key);
}

// Until the name has that state; gives what there is about it.
export const untilState = (ms, oxbow, name, state) =>
  until(ms, `${name} is ${state}`, async () => {
    const entry = await nameOf(oxbow, name);
    return entry.state === state && entry;
  });
