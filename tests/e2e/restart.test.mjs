// An origin that is killed and comes back under load.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Asking } from './faults_load.mjs';
import { proxyTo, sleep, startOxbow, until } from './harness.mjs';
import { Kills, checkLost } from './kills.mjs';
import { startNginx } from './nginx.mjs';
import { startOrigin } from './origin.mjs';

const kPause = 2;

// What has been asked since then, and is answered.
const startedBehind = (load, time) => load.answers.filter(({ started }) => started > time);

// A failed connect is not tried again for a second at the most; the rest is for a slow machine.
const kBack = 5000;

test('502s say why while nginx is dead; soon after its return all is well', async (t) => {
  const nginx = await startNginx(t, 'location = /ok { return 200 "ok\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(nginx.address));
  const load = new Asking(`${oxbow.url}/ok`, 20, { pause: kPause });
  for (let round = 0; round < 3; ++round) {
    await until(20000, 'load', () => load.answers.length > 100);
    const killed = Date.now();
    await nginx.kill();
    await sleep(700);
    await until(20000, 'errors', () =>
      load.answers.filter(({ status }) => status !== 200).length >= 20);
    await nginx.start();
    const returned = Date.now();
    await sleep(kBack);
    await until(20000, 'load', () => startedBehind(load, returned + kBack).length > 100);

    const after = startedBehind(load, returned + kBack);
    const answers = load.answers.splice(0);
    const before = answers.filter(({ ended }) => ended < killed);
    assert.ok(before.every(({ status }) => status === 200));

    const errors = answers.filter(({ status }) => status !== 200);
    for (const { status, says } of errors) {
      assert.equal(status, 502);
      assert.match(says, /^oxbow; error=connection_(refused|terminated)/);
    }
    const first = answers.find(({ ended, status }) => ended >= returned && status === 200);
    t.diagnostic(`the first success after ${first.ended - returned} ms`);
    assert.ok(first.ended - returned < kBack, `${first.ended - returned} ms`);
    assert.ok(after.every(({ status }) => status === 200));
  }
  await load.stop();
});

test('with a second origin alive, a death is hardly seen', async (t) => {
  // What the mortal one answers takes a while, and all of its eight connections are wanted all the
  // time: each death meets requests on their way.
  const slow = await startOrigin(t, (request, response) => {
    setTimeout(() => response.end('mortal\n'), 30);
  });
  const mortal = await startNginx(t, `location = /ok { proxy_pass http://${slow.address}; }`);
  const steady = await startNginx(t, 'location = /ok { return 200 "steady\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(mortal.address, {
    listener: 'access_log: { path: stdout }',
  }).replace(/servers: .*/, `servers:
      - { server: "${mortal.address}", max_conns: 8 }
      - ${steady.address}`));
  const kills = new Kills();
  const sentAgain = () => oxbow.stdout.split('"replayed":true').length - 1;
  const load = new Asking(`${oxbow.url}/ok`, 20, { pause: kPause });
  for (let round = 0; round < 3; ++round) {
    const before = { served: slow.requests, sentAgain: sentAgain() };
    // Then each of the eight has had one response at the least.
    await until(20000, 'requests of the mortal origin', () => slow.requests >= before.served + 100);
    await kills.during(() => mortal.kill());
    await until(20000, 'some were sent again', () => sentAgain() > before.sentAgain);
    await sleep(500);
    await mortal.start();
  }
  await sleep(500);
  await load.stop();
  await oxbow.stop();
  const lines = oxbow.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, load.answers.length);
  assert.ok(lines.length > 500, `${lines.length} requests`);
  kills.check(load.failed, load.clients.length);
  const lost = checkLost(lines);
  assert.equal(lost, load.failed.length);
  const again = lines.filter(({ replayed }) => replayed);
  t.diagnostic(`${again.length} of ${lines.length} sent again, ${lost} lost`);
  assert.ok(again.length >= 3, 'some were sent again');
});
