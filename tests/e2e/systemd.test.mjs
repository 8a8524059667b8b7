// What a service manager hears of oxbow over NOTIFY_SOCKET: systemd, with Type=notify.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Process, atEnd, proxyTo, sleep, startOxbow, tempDir, until, within } from './harness.mjs';
import { ask } from './observe.mjs';
import { startOrigin } from './origin.mjs';

const script = fileURLToPath(new URL('notify_socket.py', import.meta.url));

// `heard` are the datagrams so far, each as an object of its assignments, with the time.
async function startManager(t, name = path.join(tempDir(t), 'notify')) {
  const child = new Process('python3', [script, name]);
  atEnd(t, async () => {
    child.signal('SIGKILL');
    await child.finish(5000);
  });
  const manager = { name, heard: [] };
  let rest = '';
  child.child.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const assignments = JSON.parse(line).split('\n')
        .map((each) => each.split(/=(.*)/s).slice(0, 2));
      manager.heard.push({ at: Date.now(), ...Object.fromEntries(assignments) });
    }
  });
  await until(10000, 'the socket', () => {
    assert.ok(child.running, child.stderr);
    return manager.heard.length > 0;
  });
  manager.heard.length = 0;
  manager.states = () => manager.heard.filter((each) => !each.WATCHDOG);
  manager.pings = () => manager.heard.filter((each) => each.WATCHDOG === '1');
  manager.hears = (count) =>
    until(10000, `${count} messages`, () => manager.states().length >= count);
  return manager;
}

const yaml = (status, top = '') => `
${top}
admin: { listen: 127.0.0.1:0 }
listeners:
  - listen: 127.0.0.1:0
    routes: [ { return: ${status} } ]
`;

const monotonicUsec = () => Number(process.hrtime.bigint() / 1000n);  // CLOCK_MONOTONIC

for (const workers of [1, 3]) {
  test(`start, reload and end are told; workers: ${workers}`, async (t) => {
    const manager = await startManager(t);
    const top = `workers: ${workers}`;
    const oxbow = await startOxbow(t, yaml(204, top), { env: { NOTIFY_SOCKET: manager.name } });
    await manager.hears(1);
    assert.equal(manager.heard[0].READY, '1');
    assert.equal((await ask(oxbow.url)).status, 204);

    fs.writeFileSync(oxbow.file, yaml(410, top));
    const before = monotonicUsec();
    oxbow.signal('SIGHUP');
    await manager.hears(3);
    const [, reloading, reloaded] = manager.states();
    assert.equal(reloading.RELOADING, '1');
    const at = Number(reloading.MONOTONIC_USEC);
    assert.ok(at >= before && at <= monotonicUsec(), `${before} ${at}`);
    assert.equal(reloaded.READY, '1');
    assert.equal(reloaded.STATUS, 'serving');
    // READY means that the new configuration holds.
    assert.equal((await ask(oxbow.url)).status, 410);

    oxbow.signal('SIGTERM');
    await within(5000, 'end of oxbow', oxbow.exited);
    await manager.hears(4);
    assert.equal(manager.states()[3].STOPPING, '1');
    await sleep(100);
    assert.equal(manager.heard.length, 4);
  });
}

test('a reload that is refused is over too, and the status says so', async (t) => {
  const manager = await startManager(t);
  const oxbow = await startOxbow(t, yaml(204), { env: { NOTIFY_SOCKET: manager.name } });
  fs.writeFileSync(oxbow.file, yaml(204, 'keepalve: 3'));
  oxbow.signal('SIGHUP');
  await manager.hears(3);
  const [, reloading, ready] = manager.states();
  assert.equal(reloading.RELOADING, '1');
  assert.equal(ready.READY, '1');
  assert.match(ready.STATUS, /refused/);
});

test('STOPPING comes when the drain begins, not when it ends', async (t) => {
  const manager = await startManager(t);
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address),
    { env: { NOTIFY_SOCKET: manager.name } });
  const answer = ask(oxbow.url);
  await until(5000, 'the request at the origin', () => held.length === 1);
  oxbow.signal('SIGTERM');
  await manager.hears(2);
  assert.equal(manager.states()[1].STOPPING, '1');
  assert.ok(oxbow.running);
  held[0].end('done');
  assert.equal((await answer).body, 'done');
  await within(5000, 'end of oxbow', oxbow.exited);
});

test('pings come in time, in traffic and without it', async (t) => {
  const manager = await startManager(t);
  const limit = 4000;
  const oxbow = await startOxbow(t, yaml(204, 'workers: 2'), {
    env: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: String(limit * 1000) },
  });
  const began = Date.now();
  await until(3 * limit, 'pings in idleness', () => manager.pings().length >= 3);
  await until(3 * limit, 'pings in traffic', async () => {
    await ask(oxbow.url);
    return manager.pings().length >= 6;
  });
  const times = manager.pings().map(({ at }) => at);
  const most = (Date.now() - began) / (limit / 2) + 2;
  assert.ok(times.length <= most, `${times.length} pings`);
  times.forEach((at, i) => assert.ok(i === 0 || at - times[i - 1] < limit, `${times}`));
});

test('no pings without a watchdog, or for the one of another process', async (t) => {
  const manager = await startManager(t);
  const env = { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' };
  await startOxbow(t, yaml(204), { env });
  await startOxbow(t, yaml(204), { env: { NOTIFY_SOCKET: manager.name } });
  await manager.hears(2);
  await sleep(600);
  assert.equal(manager.pings().length, 0);
});

test('an abstract socket', async (t) => {
  const manager = await startManager(t, `@oxbow-e2e-${process.pid}`);
  await startOxbow(t, yaml(204), { env: { NOTIFY_SOCKET: manager.name } });
  await manager.hears(1);
  assert.equal(manager.heard[0].READY, '1');
});

test('a socket that nobody has does not keep oxbow from serving', async (t) => {
  const nobody = path.join(tempDir(t), 'nobody');
  const env = { NOTIFY_SOCKET: nobody, WATCHDOG_USEC: '100000' };
  const oxbow = await startOxbow(t, yaml(204), { env });
  assert.equal((await ask(oxbow.url)).status, 204);
  await until(5000, 'a warning', () => oxbow.stderr.includes('the service manager cannot be told'));
  await sleep(500);
  const warnings = oxbow.stderr.match(/the service manager cannot be told/g);
  assert.equal(warnings.length, 1);
});
