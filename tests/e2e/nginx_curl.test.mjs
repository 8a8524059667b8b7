// nginx behind, curl in front.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { MiB, curl, proxyTo, sha256, sha256OfFile, startOxbow, tempDir, writeNoise } from
  './harness.mjs';
import { startNginx } from './nginx.mjs';
import { startOrigin } from './origin.mjs';

const hundred = 'every line is as long as the one above it, here too\n'.repeat(100);

async function start(t, settings) {
  const nginx = await startNginx(t);
  fs.writeFileSync(path.join(nginx.root, 'text'), hundred);
  const oxbow = await startOxbow(t, proxyTo(nginx.address, settings));
  return { nginx, oxbow, dir: tempDir(t) };
}

test('requests of one curl share one connection on both sides', async (t) => {
  const { nginx, oxbow } = await start(t);
  const one = ['-o', '/dev/null', `${oxbow.url}/text`];
  const result = await curl(Array.from({ length: 50 }, () => one).flat());
  assert.equal(result.code, 0, result.stderr);
  const seen = await nginx.seen(50);
  assert.equal(await nginx.connections(50), 1);
  assert.deepEqual(seen.map((request) => request.nth), Array.from({ length: 50 }, (_, i) => i + 1));
});

test('requests of 50 curls share one connection to nginx', async (t) => {
  const { nginx, oxbow } = await start(t);
  for (let i = 0; i < 50; ++i) {
    const result = await curl([`${oxbow.url}/text`]);
    assert.equal(result.status, 200);
    assert.equal(result.text, hundred);
    assert.equal(result.connects, 1);
  }
  assert.equal(await nginx.connections(50), 1);
});

test('keepalive: 0 opens a connection for each request', async (t) => {
  const { nginx, oxbow } = await start(t, { upstream: 'keepalive: 0' });
  for (let i = 0; i < 5; ++i) assert.equal((await curl([`${oxbow.url}/text`])).text, hundred);
  assert.equal(await nginx.connections(5), 5);
});

test('nginx on a Unix socket', async (t) => {
  const nginx = await startNginx(t);
  fs.writeFileSync(path.join(nginx.root, 'text'), hundred);
  const oxbow = await startOxbow(t, proxyTo(nginx.socket));
  for (let i = 0; i < 3; ++i) assert.equal((await curl([`${oxbow.url}/text`])).text, hundred);
  assert.equal(await nginx.connections(3), 1);
});

test('HEAD tells the length, has no body and keeps both connections', async (t) => {
  const { nginx, oxbow } = await start(t);
  const result = await curl(['-I', `${oxbow.url}/text`, '-I', `${oxbow.url}/text`]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.downloaded, 0);
  assert.equal(result.connects, 0);  // of the second
  assert.equal(result.text.match(/^Content-Length: 5200\r$/gm).length, 2);
  assert.equal((await curl([`${oxbow.url}/text`])).text, hundred);
  assert.deepEqual((await nginx.seen(3)).map((request) => request.method), ['HEAD', 'HEAD', 'GET']);
  assert.equal(await nginx.connections(3), 1);
});

for (const [name, size] of [['1 MiB', MiB], ['200 MB', 200e6]]) {
  test(`a download of ${name}`, async (t) => {
    const { nginx, oxbow, dir } = await start(t);
    const sum = writeNoise(path.join(nginx.root, 'noise'), size);
    const file = path.join(dir, 'noise');
    const result = await curl(['-o', file, `${oxbow.url}/noise`]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.downloaded, size);
    assert.equal(await sha256OfFile(file), sum);
  });

  test(`an upload of ${name} by PUT`, async (t) => {
    const { nginx, oxbow, dir } = await start(t);
    const file = path.join(dir, 'noise');
    const sum = writeNoise(file, size);
    const result = await curl(['-T', file, `${oxbow.url}/saved`]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.status, 201);
    assert.equal(result.uploaded, size);
    assert.equal(await sha256OfFile(path.join(nginx.root, 'saved')), sum);
    assert.equal(await nginx.connections(1), 1);
  });

  test(`an upload of ${name} by POST, chunked`, async (t) => {
    const { nginx, oxbow, dir } = await start(t);
    const file = path.join(dir, 'noise');
    const sum = writeNoise(file, size);
    const result = await curl(['-X', 'POST', '-T', file, '-H', 'Transfer-Encoding: chunked',
      `${oxbow.url}/post`]);
    assert.equal(result.status, 200, result.stderr);
    assert.equal(result.text, 'taken\n');
    const [request] = await nginx.seen(1);
    assert.equal(request.method, 'POST');
    assert.equal(await sha256OfFile(request.bodyFile), sum);
  });
}

test('small bodies by POST, in every way that curl sends them', async (t) => {
  const { nginx, oxbow, dir } = await start(t);
  const file = path.join(dir, 'form');
  fs.writeFileSync(file, hundred);
  const ways = [
    ['--data-binary', `@${file}`],
    ['--data-binary', `@${file}`, '-H', 'Transfer-Encoding: chunked'],
    ['--data-binary', `@${file}`, '-H', 'Expect: 100-continue'],
    ['--data-binary', `@${file}`, '--http1.0'],
  ];
  for (const way of ways) {
    const result = await curl([...way, `${oxbow.url}/post`]);
    assert.equal(result.status, 200, `${way}: ${result.stderr}`);
    assert.equal(result.text, 'taken\n');
  }
  for (const request of await nginx.seen(ways.length))
    assert.equal(await sha256OfFile(request.bodyFile), sha256(hundred));
  assert.equal(await nginx.connections(ways.length), 1);
});

test('Expect: 100-continue reaches nginx, its 100 curl before the body leaves', async (t) => {
  const { nginx, oxbow, dir } = await start(t);
  const file = path.join(dir, 'noise');
  const sum = writeNoise(file, MiB);
  // curl would send the body unasked after the time given; the test then fails by its deadline.
  const result = await curl(['-v', '-T', file, '-H', 'Expect: 100-continue', '--expect100-timeout',
    '90', '--max-time', '50', `${oxbow.url}/saved`]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.status, 201);
  assert.match(result.stderr, /^< HTTP\/1\.1 100 Continue/m);
  assert.equal(await sha256OfFile(path.join(nginx.root, 'saved')), sum);
  assert.equal((await nginx.seen(1))[0].expect, '100-continue');
});

test('a refusal in place of 100 Continue: the body never leaves curl', async (t) => {
  const origin = await startOrigin(t);
  let received = 0;
  origin.server.on('checkContinue', (request, response) => {
    request.on('data', (bytes) => { received += bytes.length; });
    response.writeHead(413, { 'Content-Length': 0 });
    response.end();
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  const file = path.join(tempDir(t), 'noise');
  writeNoise(file, MiB);
  const result = await curl(['-T', file, '-H', 'Expect: 100-continue', '--expect100-timeout', '90',
    '--max-time', '50', `${oxbow.url}/`]);
  assert.equal(result.status, 413, result.stderr);
  assert.equal(result.uploaded, 0);
  assert.equal(received, 0);
});

test('103 Early Hints pass to an HTTP/1.1 client, not to an HTTP/1.0 one', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('done\n'));
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  const hinted = await curl(['-i', `${oxbow.url}/`]);
  const [hint, final] = hinted.text.split('\r\n\r\n');
  assert.match(hint, /^HTTP\/1\.1 103 [^]*^Link: <\/style\.css>; rel=preload$/mi);
  assert.match(final, /^HTTP\/1\.1 200 /);
  assert.ok(hinted.text.endsWith('done\n'));
  const plain = await curl(['-i', '--http1.0', `${oxbow.url}/`]);
  assert.doesNotMatch(plain.text, / 103 /);
  assert.match(plain.text, / 200 [^]*done\n$/);
  assert.equal(origin.connections.opened, 1);
});

test('HTTP/1.0 clients get a body without chunks, delimited by the end', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    assert.equal(request.httpVersion, '1.1');
    for (let i = 0; i < 10; ++i) response.write(hundred);
    response.end();
  });
  const oxbow = await startOxbow(t, proxyTo(origin.address));
  for (let i = 0; i < 3; ++i) {
    const result = await curl(['-i', '--raw', '--http1.0', `${oxbow.url}/`]);
    const [head, ...rest] = result.text.split('\r\n\r\n');
    assert.doesNotMatch(head, /^transfer-encoding:/mi);
    assert.match(head, /^connection: close/mi);
    assert.equal(rest.join('\r\n\r\n'), hundred.repeat(10));
  }
  assert.equal(origin.connections.opened, 1);
});

test('ranges pass, one and several, good and bad', async (t) => {
  const { nginx, oxbow } = await start(t);
  const one = await curl(['-i', '-r', '52-103', `${oxbow.url}/text`]);
  assert.equal(one.status, 206);
  assert.match(one.text, /^Content-Range: bytes 52-103\/5200\r$/m);
  assert.ok(one.text.endsWith(`\r\n\r\n${hundred.slice(52, 104)}`));

  const several = await curl(['-i', '-r', '0-9,5190-', `${oxbow.url}/text`]);
  assert.equal(several.status, 206);
  const boundary = /^Content-Type: multipart\/byteranges; boundary=(\S+)\r$/m.exec(several.text)[1];
  const parts = several.text.split(`--${boundary}`).slice(1, -1);
  assert.deepEqual(parts.map((part) => part.split('\r\n\r\n')[1]),
    [`${hundred.slice(0, 10)}\r\n`, `${hundred.slice(5190)}\r\n`]);

  const beyond = await curl(['-i', '-r', '6000-', `${oxbow.url}/text`]);
  assert.equal(beyond.status, 416);
  assert.match(beyond.text, /^Content-Range: bytes \*\/5200\r$/m);
  assert.equal(await nginx.connections(3), 1);
});

test('what nginx compressed arrives byte for byte', async (t) => {
  const { nginx, oxbow, dir } = await start(t);
  const head = path.join(dir, 'head');
  const accept = ['-H', 'Accept-Encoding: gzip', '-D', head];
  const straight = await curl([...accept, `http://${nginx.address}/gzip/text`]);
  const through = await curl([...accept, `${oxbow.url}/gzip/text`]);
  assert.equal(through.status, 200);
  assert.equal(through.body.readUInt16BE(0), 0x1f8b);
  assert.ok(through.body.length < 500);
  assert.deepEqual(through.body, straight.body);
  assert.match(fs.readFileSync(head, 'utf8'), /^Content-Encoding: gzip\r$/m);
  assert.match(fs.readFileSync(head, 'utf8'), /^ETag: W\/"/m);
  const opened = await curl(['--compressed', `${oxbow.url}/gzip/text`]);
  assert.equal(opened.text, hundred);
});

test('304 for what curl has, without a body and with the connection kept', async (t) => {
  const { nginx, oxbow, dir } = await start(t);
  const etag = path.join(dir, 'etag');
  assert.equal((await curl(['--etag-save', etag, `${oxbow.url}/text`])).status, 200);
  const again = await curl(['--etag-compare', etag, `${oxbow.url}/text`]);
  assert.equal(again.status, 304);
  assert.equal(again.downloaded, 0);
  assert.equal((await curl([`${oxbow.url}/text`])).text, hundred);
  assert.equal(await nginx.connections(3), 1);
});

test('100 curls at once, each its own nonce', async (t) => {
  const nginx = await startNginx(t, 'location = /nonce { return 200 "$http_x_nonce\\n"; }');
  const oxbow = await startOxbow(t, proxyTo(nginx.address, { upstream: 'max_conns: 4' }));
  const results = await Promise.all(Array.from({ length: 100 }, (_, i) =>
    curl(['-H', `X-Nonce: n${i}`, `${oxbow.url}/nonce`])));
  assert.deepEqual(results.map((result) => result.text),
    Array.from({ length: 100 }, (_, i) => `n${i}\n`));
  assert.ok(await nginx.connections(100) <= 4);
});

test('an endpoint that refuses is a 502 that says so', async (t) => {
  const origin = await startOrigin(t);
  const address = origin.address;
  await origin.stop();
  const oxbow = await startOxbow(t, proxyTo(address));
  const result = await curl(['-i', `${oxbow.url}/`]);
  assert.equal(result.status, 502);
  assert.match(result.text, /^Proxy-Status: oxbow; error=connection_refused/m);
  assert.match(result.text, new RegExp(`^502 ${http.STATUS_CODES[502]}: connection refused$`, 'm'));
});
