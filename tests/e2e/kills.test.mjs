// Which failures a death excuses, and that nothing else is.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep } from './harness.mjs';
import { Kills, checkLost } from './kills.mjs';

const says = 'oxbow; error=connection_terminated; details="connection reset"';

// A window of 20 ms in the middle of which something dies.
async function killed() {
  const kills = new Kills();
  await kills.during(() => sleep(20));
  const [{ from, to }] = kills.windows;
  return { kills, from, to };
}

test('what was under way when a server died may be a 502', async () => {
  const { kills, from, to } = await killed();
  for (const [started, ended] of [[from - 5, from], [from, to], [from - 5, to + 5], [to, to + 5]])
    kills.check([{ started, ended, status: 502, says }], 1);
  kills.check(Array(3).fill({ started: from, ended: to, status: 502, says }), 3);
});

test('nothing else is excused', async () => {
  const { kills, from, to } = await killed();
  const lost = { started: from, ended: to, status: 502, says };
  for (const failed of [
    [{ ...lost, started: to + 1, ended: to + 5 }],
    [{ ...lost, started: from - 5, ended: from - 1 }],
    [{ ...lost, status: 504 }],
    [{ ...lost, status: 200 }],
    [{ ...lost, status: undefined, says: undefined, error: 'ECONNRESET' }],
    [{ ...lost, says: 'oxbow; error=connection_refused' }],
    [{ ...lost, says: undefined }],
    [lost, lost],  // one client asks for one thing at a time
  ])
    assert.throws(() => kills.check(failed, 1), assert.AssertionError, JSON.stringify(failed));
  assert.throws(() => new Kills().check([lost], 1), assert.AssertionError);
});

test('a request that a used connection lost should have been sent again', () => {
  const lost = { status: 502, error: 'connection_terminated', reused: false };
  assert.equal(checkLost([{ status: 200 }, lost, { ...lost, replayed: true }]), 2);
  for (const wrong of [{ reused: true }, { error: 'connection_refused' }, { status: 504 }])
    assert.throws(() => checkLost([{ ...lost, ...wrong }]), assert.AssertionError);
});
