// From http to https: redirects, Strict-Transport-Security, what the origin learns of the scheme.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';

import { makeCa } from './certificates.mjs';
import { atEnd, curl, startOxbow, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { ask, certificates, pairOf } from './tls_client.mjs';

const ca = makeCa({ after });
const leaf = ca.issue({ names: ['localhost'] });
const kPair = certificates(pairOf(leaf));

const redirecting = (t, to, more = '') => startOxbow(t, `
listeners:
  - listen: 127.0.0.1:0
    https_redirect: ${to}
    ${more}
`);

const plain = (port, options) => ask(port, { secure: false, ...options });

async function raw(t, port, bytes) {
  const socket = net.connect(port, '127.0.0.1');
  atEnd(t, () => socket.destroy());
  let text = '';
  socket.on('data', (piece) => { text += piece; });
  socket.write(bytes);
  await within(5000, 'end of the answer', new Promise((done) => socket.once('close', done)));
  return text;
}

test('https_redirect: 301 for what is safe, 308 for the rest', async (t) => {
  const oxbow = await redirecting(t, 'on');
  for (const [method, status] of [['GET', 301], ['HEAD', 301], ['POST', 308], ['PUT', 308],
    ['DELETE', 308], ['OPTIONS', 308], ['PATCH', 308]]) {
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? 'x=1' : undefined;
    const result = await plain(oxbow.port, { method, body, path: '/a/b%20c?d=e&f',
      headers: { Host: 'www.example' } });
    assert.equal(result.status, status, method);
    assert.equal(result.headers.location, 'https://www.example/a/b%20c?d=e&f');
    assert.equal(result.headers['strict-transport-security'], undefined);
  }
});

test("https_redirect: the port of Host goes, the target's comes; path and query stay", async (t) => {
  const to443 = await redirecting(t, 'on');
  const to8443 = await redirecting(t, '8443');
  const location = async (oxbow, Host, path) =>
    (await plain(oxbow.port, { path, headers: { Host } })).headers.location;
  assert.equal(await location(to443, 'www.example:8080', '/'), 'https://www.example/');
  assert.equal(await location(to8443, 'www.example:8080', '/?'), 'https://www.example:8443/?');
  assert.equal(await location(to8443, 'www.example', '//a//b?c=//d'),
    'https://www.example:8443//a//b?c=//d');
  assert.equal(await location(to8443, '[::1]:8080', '/x'), 'https://[::1]:8443/x');
  assert.equal(await location(to443, '[::1]', '/x'), 'https://[::1]/x');
  assert.equal(await location(to443, 'a', 'http://b.example:81/p?q'), 'https://b.example/p?q');
  assert.equal(await location(to443, 'a', 'http://b.example?q'), 'https://b.example/?q');
  assert.equal(await location(to443, '127.0.0.1:1', `/${'l'.repeat(7000)}`),
    `https://127.0.0.1/${'l'.repeat(7000)}`);
});

test('https_redirect: without a host there is nowhere to go', async (t) => {
  const oxbow = await redirecting(t, 'on');
  const old = await raw(t, oxbow.port, 'GET / HTTP/1.0\r\n\r\n');
  assert.match(old, /^HTTP\/1\.1 400 [^]*no host to send the client to\n$/);
  assert.doesNotMatch(old, /location/i);
  assert.match(await raw(t, oxbow.port, 'GET / HTTP/1.0\r\nHost: a.example\r\n\r\n'),
    /^HTTP\/1\.1 301 [^]*\r\nLocation: https:\/\/a\.example\/\r\n/);
  assert.match(await raw(t, oxbow.port, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await raw(t, oxbow.port, 'GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n'),
    /^HTTP\/1\.1 400 /);
  assert.match(await raw(t, oxbow.port, 'GET /\r\nX: 1 HTTP/1.1\r\nHost: a\r\n\r\n'),
    /^HTTP\/1\.1 400 /);
});

test('https_redirect: the connection stays for the next request', async (t) => {
  const oxbow = await redirecting(t, 'on');
  const url = `http://127.0.0.1:${oxbow.port}/`;
  const result = await curl(['-o', '/dev/null', url, '-o', '/dev/null', url]);
  assert.equal(result.code, 0);
  assert.equal(result.status, 301);
  assert.equal(result.connects, 0);  // of the second
});

test('curl follows a POST from http to https, body and all', async (t) => {
  const origin = await startOrigin(t, (request, response) => request.pipe(response));
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    tls: { ${kPair} }
    routes: [ { proxy_pass: app } ]
`);
  const redirect = await redirecting(t, `${oxbow.port}`);
  const result = await curl(['-L', '--cacert', ca.file, '--connect-to', '::127.0.0.1:',
    '--data-binary', 'the body', `http://localhost:${redirect.port}/post?a=b`]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.text, 'the body');
  assert.equal(origin.requests, 1);
});

const kHsts = 'Strict-Transport-Security';

test('HSTS is in every answer over TLS, in none over plain http', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/app/dies') return request.socket.destroy();
    if (request.url === '/app/garbage') return request.socket.end('garbage\r\n\r\n');
    if (request.url === '/app/own') response.setHeader('strict-transport-security', 'max-age=5');
    if (request.url === '/app/304') response.statusCode = 304;
    response.end();
  });
  const routes = `[ { proxy_pass: app, location: /app },
      { location: /fixed, return: 204 }, { location: /refused, proxy_pass: none },
      { location: /elsewhere, return: { status: 302, location: /fixed } } ]`;
  const oxbow = await startOxbow(t, `
upstreams:
  app: { servers: [ "${origin.address}" ] }
  none: { servers: [ "127.0.0.1:1" ] }
listeners:
  - listen: 127.0.0.1:0
    tls: { ${kPair}, hsts: { max_age: 365d, include_subdomains: on, preload: on } }
    routes: ${routes}
  - listen: 127.0.0.1:0
    routes: ${routes}
  - listen: 127.0.0.1:0
    tls: { ${kPair}, hsts: { max_age: 1h } }
    routes: ${routes}
  - listen: 127.0.0.1:0
    tls: { ${kPair} }
    routes: ${routes}
`);
  const [secure, open, short, without] = oxbow.ports;
  const fields = ({ raw: list }) =>
    list.filter((name, i) => i % 2 === 0 && name.toLowerCase() === kHsts.toLowerCase()).length;
  for (const [path, status] of [['/app/', 200], ['/app/304', 304], ['/app/dies', 502],
    ['/app/garbage', 502], ['/fixed', 204], ['/refused', 502], ['/nowhere', 404],
    ['/elsewhere', 302], ['/app/../b', 400]]) {
    const over = await ask(secure, { path });
    assert.equal(over.status, status, path);
    assert.equal(over.headers[kHsts.toLowerCase()],
      'max-age=31536000; includeSubDomains; preload', path);
    assert.equal(fields(over), 1, path);
    for (const result of [await plain(open, { path }), await ask(without, { path })]) {
      assert.equal(result.status, status);
      assert.equal(fields(result), 0, path);
    }
  }
  assert.equal((await ask(short, { path: '/fixed' })).headers[kHsts.toLowerCase()], 'max-age=3600');
  const own = await ask(secure, { path: '/app/own' });
  assert.equal(own.headers[kHsts.toLowerCase()], 'max-age=5');
  assert.equal(fields(own), 1);
});

test('the origin learns that the client came by https', async (t) => {
  const origin = await startOrigin(t, (request, response) =>
    response.end(JSON.stringify(request.headers)));
  const settings = `routes:
      - proxy_pass: app
        proxy_set_header: { X-Scheme: $scheme, X-Url: "$scheme://$host/" }
        add_header: { X-Scheme: $scheme }`;
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    tls: { ${kPair} }
    ${settings}
  - listen: 127.0.0.1:0
    ${settings}
  - listen: 127.0.0.1:0
    tls: { ${kPair} }
    trusted_hops: 1
    ${settings}
`);
  const headers = { Host: 'www.example', 'X-Forwarded-Proto': 'http', 'X-Scheme': 'http',
    'X-Forwarded-For': '192.0.2.1' };
  const secure = await ask(oxbow.ports[0], { headers });
  const seen = JSON.parse(secure.text);
  assert.equal(seen['x-scheme'], 'https');
  assert.equal(seen['x-url'], 'https://www.example/');
  assert.equal(secure.headers['x-scheme'], 'https');
  assert.equal(seen['x-forwarded-proto'], 'https');
  assert.equal(seen['x-forwarded-for'], '127.0.0.1');
  headers['X-Forwarded-Proto'] = 'https';
  const open = JSON.parse((await plain(oxbow.ports[1], { headers })).text);
  assert.equal(open['x-scheme'], 'http');
  assert.equal(open['x-forwarded-proto'], 'http');
  // Who stands in front, and is trusted, knows better.
  headers['X-Forwarded-Proto'] = 'http';
  const behind = JSON.parse((await ask(oxbow.ports[2], { headers })).text);
  assert.equal(behind['x-forwarded-proto'], 'http');
});

test('so it does when the client sends no such field', async (t) => {
  const origin = await startOrigin(t, (request, response) =>
    response.end(request.headers['x-forwarded-proto']));
  const oxbow = await startOxbow(t, `
upstreams: { app: { servers: [ "${origin.address}" ] } }
listeners:
  - listen: 127.0.0.1:0
    tls: { ${kPair} }
    routes: [ { proxy_pass: app } ]
  - listen: 127.0.0.1:0
    routes: [ { proxy_pass: app } ]
`);
  for (let i = 0; i < 2; ++i) {
    assert.equal((await ask(oxbow.ports[0])).text, 'https');
    assert.equal((await plain(oxbow.ports[1])).text, 'http');
  }
});
