// What a client is answered, and what the admin address and the logs of an oxbow tell.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { startOxbow, until } from './harness.mjs';

// One request. `complete` is whether the response came to its proper end; a client that is cut off
// before the head has an `error` alone.
export const ask = (url, { body, onData, ...options } = {}) => new Promise((done) => {
  const request = http.request(url, { agent: false, ...options }, (response) => {
    const answer = { status: response.statusCode, headers: response.headers, body: '',
      proxyStatus: response.headers['proxy-status'] };
    response.on('data', (data) => {
      answer.body += data;
      onData?.(answer.body);
    });
    response.on('error', () => {});
    response.on('close', () => done({ ...answer, complete: response.complete }));
  });
  request.on('error', (error) => done({ error: error.code ?? error.message, complete: false }));
  request.end(body);
});

// An upstream of TLS servers behind a listener, with an access log and an admin address. `tls`,
// `upstream` and `top` are lines of YAML.
export const tlsProxy = (servers, tls, { upstream = '', top = '' } = {}) => {
  const lines = (text, indent) => text.split('\n').filter((line) => line.trim() !== '')
    .map((line) => `${indent}${line.trim()}\n`).join('');
  return `shutdown_timeout: 5s
drain_spread: 0s
admin: { listen: 127.0.0.1:0 }
${lines(top, '')}upstreams:
  app:
    servers: [ ${[servers].flat().map((server) => `"${server}"`).join(', ')} ]
    tls:
      ${lines(tls, '      ').trim()}
${lines(upstream, '    ')}listeners:
  - listen: 127.0.0.1:0
    access_log: { path: ./access.log, format: json }
    routes: [ { proxy_pass: app } ]
`;
};

export const startTlsProxy = (t, servers, tls, options) =>
  startOxbow(t, tlsProxy(servers, tls, options));

// The lines of access.log, once there are `count`.
export async function logged(oxbow, count) {
  const file = path.join(oxbow.dir, 'access.log');
  const lines = await until(10000, `${count} lines of the access log`, () => {
    const all = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    return all.length >= count && all;
  });
  assert.equal(lines.length, count, 'lines of the access log');
  return lines.map((line) => JSON.parse(line));
}

export const upstreamOf = async (oxbow) =>
  JSON.parse((await ask(`${oxbow.adminUrl}/api/upstreams`)).body).upstreams[0];

export const endpointOf = async (oxbow, index = 0) => (await upstreamOf(oxbow)).endpoints[index];

// The metric's series, as { 'result="full"': 1 }, without the labels that are the same in all.
export async function metric(oxbow, name) {
  const { body } = await ask(`${oxbow.adminUrl}/metrics`);
  const series = {};
  const lines = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm');
  for (const [, labels = '', value] of body.matchAll(lines)) {
    const rest = labels.replace(/(^|,)(upstream|endpoint|listener)="[^"]*"/g, '').replace(/^,/, '');
    series[rest] = Number(value);
  }
  return series;
}

// POST /api/reload, which must apply.
export async function reload(oxbow, yaml) {
  if (yaml !== undefined) fs.writeFileSync(oxbow.file, yaml);
  const { status, body } = await ask(`${oxbow.adminUrl}/api/reload`, { method: 'POST' });
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

// What `step` makes others send, oxbow finds all at once.
export async function whileStopped(oxbow, step) {
  process.kill(oxbow.pid, 'SIGSTOP');
  await until(5000, 'oxbow stopped', () =>
    /^State:\s+T/m.test(fs.readFileSync(`/proc/${oxbow.pid}/status`, 'utf8')));
  try {
    return await step();
  } finally {
    process.kill(oxbow.pid, 'SIGCONT');
  }
}
