// An origin that is killed and comes back under load.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { proxyTo, sleep, startOxbow, until } from './harness.mjs';
import { startNginx } from './nginx.mjs';
import { startOrigin } from './origin.mjs';

const get = (url, agent) => new Promise((done, failed) => {
  const request = http.get(url, { agent }, (response) => {
    response.resume();
    response.on('end', () => done({
      status: response.statusCode, says: response.headers['proxy-status'], at: Date.now(),
    }));
    response.on('error', failed);
  });
  request.on('error', failed);
});

class Load {
  constructor(url, clients) {
    this.answers = [];
    this.agent = new http.Agent({ keepAlive: true });
    this.clients = Array.from({ length: clients }, () => this.client(url));
  }

  async client(url) {
    while (!this.over) {
      const started = Date.now();
      this.answers.push({ started, ...await get(url, this.agent) });
      await sleep(2);
    }
  }

  async stop() {
    this.over = true;
    await Promise.all(this.clients);
    this.agent.destroy();
  }
}

// What has been asked since then, and is answered.
const startedBehind = (load, time) => load.answers.filter(({ started }) => started > time);

test('502s say why while nginx is dead; two seconds after its return all is well', async (t) => {
  const nginx = await startNginx(t, 'location = /ok { return 200 "ok\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(nginx.address));
  const load = new Load(`${oxbow.url}/ok`, 20);
  for (let round = 0; round < 3; ++round) {
    await until(20000, 'load', () => load.answers.length > 100);
    const killed = Date.now();
    await nginx.kill();
    await sleep(700);
    await until(20000, 'errors', () =>
      load.answers.filter(({ status }) => status !== 200).length >= 20);
    await nginx.start();
    const returned = Date.now();
    await sleep(2000);
    await until(20000, 'load', () => startedBehind(load, returned + 2000).length > 100);

    const after = startedBehind(load, returned + 2000);
    const answers = load.answers.splice(0);
    const before = answers.filter(({ at }) => at < killed);
    assert.ok(before.every(({ status }) => status === 200));

    const errors = answers.filter(({ status }) => status !== 200);
    for (const { status, says } of errors) {
      assert.equal(status, 502);
      assert.match(says, /^oxbow; error=connection_(refused|terminated)/);
    }
    const first = answers.find(({ at, status }) => at >= returned && status === 200);
    assert.ok(first.at - returned < 2000, `the first success after ${first.at - returned} ms`);
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
  const sentAgain = () => oxbow.stdout.split('"replayed":true').length - 1;
  const load = new Load(`${oxbow.url}/ok`, 20);
  for (let round = 0; round < 3; ++round) {
    const before = { served: slow.requests, sentAgain: sentAgain() };
    // Then each of the eight has had one response at the least.
    await until(20000, 'requests of the mortal origin', () => slow.requests >= before.served + 100);
    await mortal.kill();
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
  // Requests are sent again when the connection was a reused one; that a new one, accepted by the
  // kernel on behalf of a process that was dying, ends without an answer is no proof of anything.
  const lost = lines.filter(({ status }) => status !== 200);
  for (const { status, error, reused } of lost)
    assert.deepEqual({ status, error, reused },
      { status: 502, error: 'connection_terminated', reused: false });
  assert.ok(lost.length < lines.length / 500, `${lost.length} of ${lines.length} lost`);
  const again = lines.filter(({ replayed }) => replayed);
  t.diagnostic(`${again.length} of ${lines.length} sent again, ${lost.length} lost`);
  assert.ok(again.length >= 3, 'some were sent again');
});
