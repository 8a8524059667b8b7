// Loading the configuration anew: by signal, over the admin address, and when the file changes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const yaml = (address, status, top = '') => `${top}
admin: { listen: 127.0.0.1:0 }
upstreams: { app: { servers: [ "${address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    routes:
      - { location: /, proxy_pass: app }
      - { location: /fixed, return: ${status} }
`;

const ask = (url, options = {}) => new Promise((done, failed) => {
  const request = http.request(url, options, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; });
    response.on('end', () => done({ status: response.statusCode, body }));
  });
  request.on('error', failed);
  request.end();
});

const fixedIs = async (oxbow, status) =>
  until(10000, `status ${status}`, async () =>
    (await ask(`${oxbow.url}/fixed`)).status === status);

test('SIGHUP loads the file; clients and connections to servers stay', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, yaml(origin.address, 204));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await ask(`${oxbow.url}/`, { agent })).body, 'ok');
  fs.writeFileSync(oxbow.file, yaml(origin.address, 410));
  process.kill(oxbow.pid, 'SIGHUP');
  await fixedIs(oxbow, 410);
  assert.equal((await ask(`${oxbow.url}/`, { agent })).body, 'ok');
  assert.equal(origin.connections.opened, 1);
  await until(5000, 'the report', () => oxbow.stderr.includes('loaded: '));
  assert.match(oxbow.stderr, /~ listeners .* return\.status: 204 -> 410 \(from the next request on\)/);
  assert.match(oxbow.stderr, /loaded: 1 change: 0 added, 0 removed, 1 changed/);
  agent.destroy();
});

test('POST /api/reload answers what has changed, or why nothing has', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, yaml(origin.address, 204));
  const reload = async () => {
    const { status, body } = await ask(`${oxbow.adminUrl}/api/reload`, { method: 'POST' });
    return { status, ...JSON.parse(body) };
  };
  const same = await reload();
  assert.deepEqual([same.status, same.applied, same.changes, same.generation], [200, true, [], 1]);

  fs.writeFileSync(oxbow.file, yaml(origin.address, 410));
  const changed = await reload();
  assert.equal(changed.status, 200);
  assert.equal(changed.generation, 2);
  assert.equal(changed.changes.length, 1);
  assert.equal(changed.changes[0].after, '410');
  assert.equal((await ask(`${oxbow.url}/fixed`)).status, 410);

  fs.writeFileSync(oxbow.file, `${yaml(origin.address, 411)}    keepalve: 3\n`);
  const wrong = await reload();
  assert.equal(wrong.status, 422);
  assert.equal(wrong.applied, false);
  assert.equal(wrong.generation, 2);
  assert.ok(wrong.problems.length > 0);
  assert.equal((await ask(`${oxbow.url}/fixed`)).status, 410);
});

test('watch: a file that is written, renamed over, or swapped like a ConfigMap', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const dir = tempDir(t);
  const put = (version, status) => {
    fs.mkdirSync(path.join(dir, version));
    fs.writeFileSync(path.join(dir, version, 'oxbow.yaml'),
      yaml(origin.address, status, 'watch: on'));
    fs.symlinkSync(version, path.join(dir, '..data_tmp'));
    fs.renameSync(path.join(dir, '..data_tmp'), path.join(dir, '..data'));
  };
  put('..one', 204);
  fs.symlinkSync(path.join('..data', 'oxbow.yaml'), path.join(dir, 'oxbow.yaml'));
  const oxbow = await startOxbow(t, null, { file: path.join(dir, 'oxbow.yaml') });
  await fixedIs(oxbow, 204);
  put('..two', 410);
  fs.rmSync(path.join(dir, '..one'), { recursive: true });
  await fixedIs(oxbow, 410);
  put('..three', 404);
  await fixedIs(oxbow, 404);
  // Written in place.
  fs.writeFileSync(path.join(dir, '..three', 'oxbow.yaml'),
    yaml(origin.address, 403, 'watch: on'));
  await fixedIs(oxbow, 403);
});
