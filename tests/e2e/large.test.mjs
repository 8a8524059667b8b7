// Large bodies pass with flat memory: 1 GB, or 10 GB with OXBOW_E2E_ALL=1.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { MiB, curl, proxyTo, sanitized, startOxbow, tempDir } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const kSize = process.env.OXBOW_E2E_ALL === '1' ? 10e9 : 1e9;
const kGrowth = 8 * 1024;  // KiB

// `size` bytes from one block of an odd length, so that a lost or moved piece shows in its place.
const noise = randomBytes(256 * 1024 + 1);
function* pieces(size) {
  for (let left = size; left > 0; left -= noise.length)
    yield left < noise.length ? noise.subarray(0, left) : noise;
}

class Checker {
  constructor() {
    this.bytes = 0;
    this.wrong = 0;
  }

  take(piece) {
    for (let at = 0; at < piece.length;) {
      const from = this.bytes % noise.length;
      const length = Math.min(piece.length - at, noise.length - from);
      if (noise.compare(piece, at, at + length, from, from + length) !== 0) ++this.wrong;
      at += length;
      this.bytes += length;
    }
  }
}

async function start(t, handler) {
  const origin = await startOrigin(t, handler);
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  // What every process touches once is not growth.
  assert.equal((await curl([`${oxbow.url}/small`])).status, 200);
  return { oxbow, before: oxbow.status('VmHWM') };
}

function checkMemory(t, { oxbow, before }) {
  const grown = oxbow.status('VmHWM') - before;
  t.diagnostic(`${grown} KiB more at the most`);
  assert.ok(sanitized || grown < kGrowth, `${grown} KiB more`);
}

for (const chunked of [false, true]) {
  const how = chunked ? 'chunked' : 'of known length';
  test(`a download of ${kSize / 1e9} GB, ${how}`, async (t) => {
    const running = await start(t, (request, response) => {
      if (request.url === '/small') return response.end();
      if (!chunked) response.setHeader('Content-Length', kSize);
      pipeline(Readable.from(pieces(kSize)), response).catch(() => {});
    });
    const checker = new Checker();
    await new Promise((done, failed) => {
      http.get(`${running.oxbow.url}/large`, { agent: false }, (response) => {
        response.on('data', (piece) => checker.take(piece));
        response.on('end', done);
        response.on('error', failed);
      }).on('error', failed);
    });
    assert.deepEqual({ ...checker }, { bytes: kSize, wrong: 0 });
    checkMemory(t, running);
  });

  test(`an upload of ${kSize / 1e9} GB, ${how}`, async (t) => {
    const checker = new Checker();
    const running = await start(t, (request, response) => {
      request.on('data', (piece) => checker.take(piece));
      request.on('end', () => response.end(String(checker.bytes)));
    });
    const headers = chunked ? {} : { 'Content-Length': kSize };
    const text = await new Promise((done, failed) => {
      const request = http.request(`${running.oxbow.url}/large`,
        { method: 'POST', agent: false, headers }, (response) => {
          response.once('data', (bytes) => done(bytes.toString()));
        });
      request.on('error', failed);
      pipeline(Readable.from(pieces(kSize)), request).catch(failed);
    });
    assert.equal(text, String(kSize));
    assert.deepEqual({ ...checker }, { bytes: kSize, wrong: 0 });
    checkMemory(t, running);
  });
}
