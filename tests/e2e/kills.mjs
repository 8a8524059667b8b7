// Servers that are killed under load, and the requests that this excuses.
//
// What was sent over a new connection is not sent again when that ends without an answer, since the
// server may have had it (RFC 9110, 9.2.2). So a death may cost what was under way just then: one
// request a client for each server that dies, answered 502. It never costs a request that began
// when the servers were gone: whoever is dead refuses, or has reset what is open.

import assert from 'node:assert/strict';

const kLost = /^oxbow; error=connection_terminated(;|$)/;

// A request is { started, ended, status, says }, in ms of Date.now(); `says` is its Proxy-Status.
export class Kills {
  constructor() { this.windows = []; }

  // `kill` has ended when the processes of its `victims` have.
  async during(kill, victims = 1) {
    const window = { from: Date.now(), to: Infinity, victims };
    this.windows.push(window);
    await kill();
    window.to = Date.now();
  }

  excuse({ started, ended, status, says }) {
    return status === 502 && kLost.test(says)
      && this.windows.some(({ from, to }) => started <= to && ended >= from);
  }

  // Of `clients` that ask for one thing at a time these are the requests that failed.
  check(failed, clients) {
    const lost = failed.filter((request) => !this.excuse(request));
    assert.deepEqual(lost.slice(0, 5), [], `${lost.length} of ${failed.length} failed for nothing`);
    for (const { from, to, victims } of this.windows) {
      const within = failed.filter(({ started, ended }) => started <= to && ended >= from);
      assert.ok(within.length <= clients * victims, `${within.length} lost with ${victims} servers`);
    }
  }
}

// Of an access log's lines: those that were lost went over a connection that was new.
export function checkLost(lines) {
  const lost = lines.filter(({ status }) => status !== 200);
  for (const { status, error, reused } of lost)
    assert.deepEqual({ status, error, reused },
      { status: 502, error: 'connection_terminated', reused: false });
  return lost.length;
}
