// What an access log writes of which requests: formats, chosen keys, samples, only errors, only
// what is slow, and logs of routes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { atEnd, binary, curl, proxyTo, run, sleep, startOxbow, tempDir, until } from './harness.mjs';
import { reload } from './observe.mjs';
import { startOrigin } from './origin.mjs';

// Every name that `keys` may have, as docs/access-log.md lists them.
const kNames = ['time', 'client', 'method', 'host', 'target', 'protocol', 'tls', 'status',
  'upstream', 'endpoint', 'upstream_status', 'reused', 'connection_age_ms', 'connection_requests',
  'tries', 'replayed', 'wait_ms', 'connect_ms', 'first_byte_ms', 'total_ms', 'request_bytes',
  'response_bytes', 'error', 'detail', 'request_id', 'user_agent', 'referer', 'sample_weight',
  'tls_version', 'tls_cipher', 'tls_sni', 'tls_resumed', 'tls_client', 'tls_subject',
  'tls_fingerprint'];

const rawLines = (text) => text.split('\n').slice(0, -1);
const linesOf = (text) => rawLines(text).map((line) => JSON.parse(line));
const inFile = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');

const linesOnStdout = (oxbow, count) => until(10000, `${count} lines`, () => {
  const lines = rawLines(oxbow.stdout);
  return lines.length >= count && lines;
});

// Answers with the status that the path begins with, after the milliseconds behind it.
const startStatusOrigin = (t) => startOrigin(t, (request, response) => {
  const [status, ms] = request.url.slice(1).split('/').map(Number);
  setTimeout(() => {
    response.statusCode = status;
    response.end('0123456789');
  }, ms || 0);
});

// Many requests of one client.
async function askMany(t, oxbow, target, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  atEnd(t, () => agent.destroy());
  const one = () => new Promise((done, failed) => {
    http.get(`${oxbow.url}${target}`, { agent }, (response) => {
      response.resume();
      response.on('end', done);
    }).on('error', failed);
  });
  for (let left = count; left > 0; left -= 100)
    await Promise.all(Array.from({ length: Math.min(left, 100) }, one));
}

test('combined is the format that every reader of logs knows', async (t) => {
  const origin = await startStatusOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: 'access_log: { path: stdout, format: combined }',
  }));
  await curl(['-A', 'me "1"', '-e', 'http://from/', `${oxbow.url}/200/0?a=b`]);
  const [line] = await linesOnStdout(oxbow, 1);
  const time = String.raw`\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000`;
  assert.match(line, new RegExp(String.raw`^127\.0\.0\.1 - - \[${time}\] "GET /200/0\?a=b ` +
    String.raw`HTTP/1\.1" \d{3} 10 "http://from/" "me \\x221\\x22"$`));
});

test('chosen keys are written in their order, and all names may be chosen', async (t) => {
  const origin = await startStatusOrigin(t);
  const keys = [...kNames].reverse();
  const dir = tempDir(t);
  const [few, every, text] = ['few', 'every', 'text'].map((name) => path.join(dir, name));
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    routes:
      - location: /200/few
        proxy_pass: app
        access_log: { path: ${few}, keys: [ status, method, upstream_status ] }
      - location: /200/every
        proxy_pass: app
        access_log: { path: ${every}, keys: [ ${keys} ] }
      - location: /200/text
        proxy_pass: app
        access_log: { path: ${text}, format: text, keys: [ status, target, tls_sni, total_ms ] }
`);
  for (const name of ['few', 'every', 'text']) await curl([`${oxbow.url}/200/${name}`]);
  await oxbow.stop();
  assert.equal(inFile(few), '{"status":200,"method":"GET","upstream_status":200}\n');
  assert.deepEqual(linesOf(inFile(every)).map((line) => Object.keys(line)), [keys]);
  assert.match(inFile(text), /^status=200 target="\/200\/text" tls_sni=- total_ms=\d+\.\d{3}\n$/);
});

test('a key that there is none of is an error with the nearest right word', async (t) => {
  const file = path.join(tempDir(t), 'oxbow.yaml');
  fs.writeFileSync(file, proxyTo('127.0.0.1:1', {
    listener: 'access_log: { keys: [ time, upstream_sttus ], sample: 0, errors: 99, slow: 5 }',
  }));
  const { code, stdout, stderr } = await run(binary, ['check', '-c', file]);
  assert.notEqual(code, 0);
  const said = stdout + stderr;
  assert.match(said, /access_log\.keys\[1\]: .*did you mean "upstream_status"\?/);
  assert.match(said, /access_log\.sample: must be between 0\.000001 and 1/);
  assert.match(said, /access_log\.errors: must be between 400 and 599/);
  assert.match(said, /access_log\.slow: "5" has no unit/);
});

test('a route logs elsewhere, or not at all', async (t) => {
  const origin = await startStatusOrigin(t);
  const own = path.join(tempDir(t), 'own.log');
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: stdout, keys: target }
    routes:
      - { location: /200/own, proxy_pass: app, access_log: { path: ${own}, keys: target } }
      - { location: /200/off, proxy_pass: app, access_log: off }
      - { location: /fixed, return: 204, access_log: { path: ${own}, keys: target } }
      - { location: /200, proxy_pass: app }
`);
  for (const target of ['/200/own', '/200/off', '/fixed', '/200/x', '/nowhere'])
    await curl([`${oxbow.url}${target}`]);
  await oxbow.stop();
  assert.deepEqual(linesOf(oxbow.stdout).map((line) => line.target), ['/200/x', '/nowhere']);
  assert.deepEqual(linesOf(inFile(own)).map((line) => line.target), ['/200/own', '/fixed']);
});

test('a route logs where the listener has no log', async (t) => {
  const oxbow = await startOxbow(t, `
listeners:
  - listen: 127.0.0.1:0
    routes:
      - { location: /on, return: 204, access_log: { path: stdout, keys: [ target, status ] } }
      - { return: 204 }
`);
  for (const target of ['/on', '/else']) await curl([`${oxbow.url}${target}`]);
  await oxbow.stop();
  assert.equal(oxbow.stdout, '{"target":"/on","status":204}\n');
});

test('of a sample the counts can be restored, and it has every error', async (t) => {
  const origin = await startStatusOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    upstream: 'keepalive_requests: 100000',
    listener: 'access_log: { path: stdout, sample: 0.25 }',
  }));
  await askMany(t, oxbow, '/200', 4000);
  await askMany(t, oxbow, '/503', 100);
  await oxbow.stop();
  const lines = linesOf(oxbow.stdout);
  const ok = lines.filter((line) => line.status === 200);
  assert.ok(ok.every((line) => line.sample_weight === 4));
  // The standard deviation is 27: six of them, on both sides.
  assert.ok(ok.length > 836 && ok.length < 1164, `${ok.length} of 4000`);
  const failed = lines.filter((line) => line.status === 503);
  assert.equal(failed.length, 100);
  assert.ok(failed.every((line) => line.sample_weight === 1));
});

const statusesFor = async (t, log, targets) => {
  const origin = await startStatusOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    listener: `access_log: { path: stdout, keys: [ target ], ${log} }`,
  }));
  await Promise.all(targets.map((target) => curl([`${oxbow.url}${target}`])));
  await oxbow.stop();
  return linesOf(oxbow.stdout).map((line) => line.target).sort();
};

test('only errors, from a status of one\'s choice on', async (t) => {
  const targets = ['/200', '/302', '/404', '/500', '/503'];
  assert.deepEqual(await statusesFor(t, 'errors: on', targets), ['/404', '/500', '/503']);
  assert.deepEqual(await statusesFor(t, 'errors: 500', targets), ['/500', '/503']);
});

test('only what is slow, or that and errors', async (t) => {
  const targets = ['/200', '/200/3100', '/500', '/500/3100'];
  assert.deepEqual(await statusesFor(t, 'slow: 3s', targets), ['/200/3100', '/500/3100']);
  assert.deepEqual(await statusesFor(t, 'slow: 3s, errors: 500', targets),
    ['/200/3100', '/500', '/500/3100']);
});

test('a reload changes what is logged from the next request on', async (t) => {
  const origin = await startStatusOrigin(t);
  const yaml = (log) => proxyTo(origin.address, {
    top: 'admin: { listen: 127.0.0.1:0 }',
    listener: `access_log: ${log}`,
  });
  const oxbow = await startOxbow(t, yaml('{ path: stdout, keys: [ target ] }'));
  await curl([`${oxbow.url}/200/1`]);
  await reload(oxbow, yaml('{ path: stdout, keys: [ target ], errors: on }'));
  await curl([`${oxbow.url}/200/2`]);
  await curl([`${oxbow.url}/404/3`]);
  await reload(oxbow, yaml('{ path: stdout, format: text, keys: [ target ] }'));
  await curl([`${oxbow.url}/200/4`]);
  await sleep(0);
  await oxbow.stop();
  assert.deepEqual(rawLines(oxbow.stdout).sort(),
    ['target="/200/4"', '{"target":"/200/1"}', '{"target":"/404/3"}']);
});
