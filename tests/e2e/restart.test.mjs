// An origin that is killed and comes back under load.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { proxyTo, sleep, startOxbow } from './harness.mjs';
import { startNginx } from './nginx.mjs';

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

test('502s say why while nginx is dead; two seconds after its return all is well', async (t) => {
  const nginx = await startNginx(t, 'location = /ok { return 200 "ok\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(nginx.address));
  const load = new Load(`${oxbow.url}/ok`, 20);
  for (let round = 0; round < 3; ++round) {
    await sleep(500);
    const killed = Date.now();
    await nginx.kill();
    await sleep(700);
    const restarted = Date.now();
    await nginx.start();
    await sleep(2500);

    const answers = load.answers.splice(0);
    const before = answers.filter(({ at }) => at < killed);
    assert.ok(before.length > 100, `${before.length} before the kill`);
    assert.ok(before.every(({ status }) => status === 200));

    const errors = answers.filter(({ status }) => status !== 200);
    assert.ok(errors.length >= 20, `${errors.length} errors`);
    for (const { status, says } of errors) {
      assert.equal(status, 502);
      assert.match(says, /^oxbow; error=connection_(refused|terminated)/);
    }
    const last = errors.at(-1).at - restarted;
    assert.ok(last < 2000, `the last error came ${last} ms after the restart`);
    const first = answers.find(({ at, status }) => at > restarted && status === 200);
    assert.ok(first.at - restarted < 2000, `the first success after ${first.at - restarted} ms`);
    const after = answers.filter(({ started }) => started > restarted + 2000);
    assert.ok(after.length > 100, `${after.length} after the return`);
    assert.ok(after.every(({ status }) => status === 200));
  }
  await load.stop();
});

test('with a second origin alive, a death is hardly seen', async (t) => {
  const mortal = await startNginx(t, 'location = /ok { return 200 "mortal\\n"; }');
  const steady = await startNginx(t, 'location = /ok { return 200 "steady\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(`${mortal.address}", "${steady.address}`,
    { listener: 'access_log: { path: stdout }' }));
  const load = new Load(`${oxbow.url}/ok`, 20);
  for (let round = 0; round < 3; ++round) {
    await sleep(500);
    await mortal.kill();
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
  assert.ok(lines.some(({ replayed }) => replayed), 'some were sent again');
});
