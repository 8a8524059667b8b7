// `oxbow top`, in a terminal and without one.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import {
  atEnd, binary, curl, freePort, proxyTo, run, startOxbow, tempDir, until,
} from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { openTerminal, type } from './tmux.mjs';

const top = 'admin: { listen: 127.0.0.1:0 }';

const addressOf = (oxbow) => `127.0.0.1:${oxbow.adminPort}`;
const api = async (oxbow, name) => JSON.parse((await curl([`${oxbow.adminUrl}/api/${name}`])).text);
const once = (admin, ...args) =>
  run(binary, ['top', '--admin', admin, '--once', '--interval', '100ms', ...args]);

async function started(t, upstream = 'max_conns: 8') {
  const origin = await startOrigin(t, (request, response) => {
    response.statusCode = request.url === '/bad' ? 500 : 200;
    response.end('ok');
  });
  return startOxbow(t, proxyTo(origin.address, { top, upstream }));
}

// The cells of an endpoint, by the titles of its table.
function endpointIn(screen, address) {
  const lines = screen.split('\n');
  const row = lines.findIndex((line) => line.trimStart().startsWith(`${address} `));
  assert.ok(row > 0, screen);
  const titles = lines.slice(0, row).findLast((line) => line.includes('ENDPOINT'));
  const cells = {};
  for (const match of titles.matchAll(/(\S+( s)?)/g)) {
    // Numbers end where their title does.
    const end = match.index + match[0].length;
    cells[match[0]] = lines[row].slice(0, end).split(/ {2,}/).at(-1);
  }
  return cells;
}

// The screen's figures are those of /api/upstreams.
function assertTells(screen, { upstreams: [upstream] }) {
  const [endpoint] = upstream.endpoints;
  const cells = endpointIn(screen, endpoint.address);
  for (const [title, member] of [['ACTIVE', 'active'], ['IDLE', 'idle'], ['CONN', 'connecting'],
    ['OPENED', 'opened'], ['FAILED', 'connect_failed']])
    if (title in cells) assert.equal(cells[title], String(endpoint[member]), title);
  assert.equal(cells.CAP, endpoint.max_conns === 0 ? 'none' : String(endpoint.max_conns));
  const all = Object.values(upstream.requests).reduce((sum, count) => sum + count, 0);
  assert.match(screen, new RegExp(`requests ${all}\\b`));
  assert.match(screen, new RegExp(`5xx ${upstream.requests['5xx']}\\b`));
  assert.match(screen, new RegExp(`${upstream.queue.waiting} of ${upstream.queue.size}\\b`));
  assert.ok(screen.includes(`reuse ${(upstream.reuse_ratio * 100).toFixed(1)} %`), screen);
}

const open = (terminal, oxbow, ...args) =>
  type(terminal, binary, 'top', '--admin', addressOf(oxbow), '--interval', '200ms', ...args);

async function askSome(oxbow) {
  for (let i = 0; i < 6; ++i) assert.equal((await curl([oxbow.url])).status, 200);
  assert.equal((await curl([`${oxbow.url}/bad`])).status, 500);
  await until(20000, 'all of it counted', async () => {
    const { upstreams: [{ requests, endpoints: [e] }] } = await api(oxbow, 'upstreams');
    return requests['2xx'] + requests['5xx'] === 7 && e.active === 0;
  });
}

test('in a terminal: figures, a new size, q', async (t) => {
  const oxbow = await started(t);
  await askSome(oxbow);
  const terminal = await openTerminal(t, 160, 30);
  await open(terminal, oxbow);
  const shown = await terminal.waitFor('figures', (screen) => /requests 7\b/.test(screen));
  assertTells(shown, await api(oxbow, 'upstreams'));
  assert.match(shown, /NAMES {2}none/);
  assert.match(shown, /ERRORS {2}none/);
  assert.equal(await terminal.flags(), 'alternate 1, cursor 0');

  await terminal.resize(60, 10);
  const small = await terminal.waitFor('a small one',
    (screen) => /lines 1 to 8 of \d+; j and k move/.test(screen));
  for (const line of small.split('\n')) assert.ok([...line].length <= 60, line);
  assert.ok(small.includes('ENDPOINT') && !small.includes('OPENED'), small);
  assert.match(small, /q quits/);
  await terminal.press('j', 'j', 'Down');
  await terminal.waitFor('moved', (screen) => screen.includes('lines 4 to 11 of'));
  await terminal.press('k', 'Up');
  await terminal.waitFor('moved back', (screen) => screen.includes('lines 2 to 9 of'));

  await terminal.press('q');
  const after = await terminal.waitFor('a prompt', (screen) => /^\$ ?$/m.test(screen));
  assert.ok(!after.includes('ENDPOINT') && !after.includes('q quits'), after);
  assert.equal(await terminal.flags(), 'alternate 0, cursor 1');
  // Keys show again, and the line has an end.
  await type(terminal, 'echo', 'back again');
  await terminal.waitFor('an echo', (screen) => /echo.*\n.*back again/s.test(screen));
});

for (const [what, end] of [
  ['SIGINT', (terminal) => terminal.press('C-c')],
  ['SIGQUIT', (terminal) => terminal.press('C-\\')],
  ['SIGTERM', async (terminal, pid) => process.kill(pid, 'SIGTERM')],
])
  test(`${what} gives the terminal back`, async (t) => {
    const oxbow = await started(t);
    const terminal = await openTerminal(t, 120, 24);
    const file = path.join(tempDir(t), 'pid');
    await type(terminal, 'sh', '-c', 'echo $$ >"$0"; exec "$@"', file, binary, 'top', '--admin',
      addressOf(oxbow));
    await terminal.waitFor('figures', (screen) => screen.includes('ENDPOINT'));
    await end(terminal, Number(fs.readFileSync(file, 'utf8')));
    await terminal.waitFor('the shell', (screen) => !screen.includes('ENDPOINT'));
    assert.equal(await terminal.flags(), 'alternate 0, cursor 1');
    await type(terminal, 'stty', '-a');
    const settings = await terminal.waitFor('the settings', (screen) => screen.includes('extproc'));
    assert.match(settings, / icanon\b/);
    assert.match(settings, /[ \n]echo\b/);
  });

test('stopped by Ctrl-Z it gives the terminal back, and goes on in the foreground', async (t) => {
  const oxbow = await started(t);
  const terminal = await openTerminal(t, 120, 24);
  await open(terminal, oxbow);
  await terminal.waitFor('figures', (screen) => screen.includes('ENDPOINT'));
  await terminal.press('C-z');
  await terminal.waitFor('the shell',
    (screen) => /Stopped/i.test(screen) && !screen.includes('ENDPOINT'));
  await type(terminal, 'fg');
  await terminal.waitFor('figures again', (screen) => screen.includes('ENDPOINT'));
  await terminal.press('q');
  await terminal.waitFor('the shell', (screen) => !screen.includes('ENDPOINT'));
});

test('it says when oxbow is gone, and goes on when it is back', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const port = await freePort();
  const yaml = proxyTo(origin.address, { top: `admin: { listen: 127.0.0.1:${port} }` });
  const terminal = await openTerminal(t, 120, 24);
  const first = await startOxbow(t, yaml);
  await open(terminal, first);
  await terminal.waitFor('figures', (screen) => screen.includes('ENDPOINT'));
  await first.stop();
  await terminal.waitFor('the trouble', (screen) =>
    /no answer since \d\d:\d\d:\d\d: Connection refused; is oxbow running/.test(screen) &&
    screen.includes('ENDPOINT'));
  const second = await startOxbow(t, yaml);
  await terminal.waitFor('figures again', (screen) => !screen.includes('no answer'));
  await curl([second.url]);
  await terminal.waitFor('new figures', (screen) => /requests 1\b/.test(screen));
});

test('without UTF-8 it is ASCII, with NO_COLOR it has no colours', async (t) => {
  const oxbow = await started(t);
  await askSome(oxbow);
  const plain = await openTerminal(t, 140, 24, { LC_ALL: 'C', NO_COLOR: '1' });
  await open(plain, oxbow);
  const screen = await plain.waitFor('a bar', (text) => /\[=+ *\]/.test(text));
  assert.match(screen, /^[\n -~]*$/);
  assert.doesNotMatch(await plain.screen('-e'), /\x1b\[/);

  const rich = await openTerminal(t, 140, 24);
  await open(rich, oxbow);
  await rich.waitFor('a bar', (text) => /\[\u2592+ *\]/.test(text));
  assert.match(await rich.screen('-e'), /\x1b\[1m/);
});

test('--once prints one frame without controls', async (t) => {
  const oxbow = await started(t);
  await askSome(oxbow);
  const { code, stdout, stderr } = await once(addressOf(oxbow));
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f]/);
  assertTells(stdout, await api(oxbow, 'upstreams'));
  assert.match(stdout, /req\/s 0 /);
  assert.equal((await once(`localhost:${oxbow.adminPort}`)).code, 0);
});

test('--once over a Unix socket; controls in names cannot reach the terminal', async (t) => {
  const dir = tempDir(t);
  const admin = path.join(dir, 'admin.sock');
  const server = path.join(dir, 'a\x1b]0;evil\x07\u202eb.sock');
  const yaml = proxyTo('SERVER', { top: `admin: { listen: "unix:${admin}" }` })
    .replace('SERVER', `unix:${dir}/a\\e]0;evil\\a\\u202eb.sock`);
  const oxbow = await startOxbow(t, yaml);
  await until(10000, 'the socket', () => fs.existsSync(admin));
  assert.equal((await curl([oxbow.url])).status, 502);
  const { code, stdout, stderr } = await once(`unix:${admin}`);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
  assert.ok(stdout.includes(`unix:${dir}/a\\x1b]0;evil\\x07\\xe2\\x80\\xaeb.sock`), stdout);
  assert.match(stdout, /once {2}no such socket {2}502 connection_refused/);
  assert.ok(!fs.existsSync(server));
});

// Answers every request with the same bytes and closes.
async function startRaw(t, answer) {
  const seen = [];
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      seen.push(bytes.toString());
      if (answer !== null) socket.end(answer(bytes.toString()));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${server.address().port}`, seen };
}

const framed = (body, fields = '') =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

const empty = (status) => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`;

test('--once says what is wrong with what it cannot read', async (t) => {
  const refused = await once(`127.0.0.1:${await freePort()}`);
  assert.equal(refused.code, 1);
  assert.equal(refused.stdout, '');
  assert.match(refused.stderr, /^127\.0\.0\.1:\d+: Connection refused; is oxbow running/);
  for (const [answer, said] of [
    [() => 'SSH-2.0-OpenSSH\r\n\r\n', /the answer is no HTTP/],
    [() => '', /ended before the answer did/],
    [() => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}', /ended before the answer did/],
    [() => framed('<html>'), /no JSON: is this the admin address of an oxbow\?/],
    [() => empty('404 Not Found'), /\/api\/upstreams is answered with 404/],
    [() => empty('401 Unauthorized'), /it wants a token: --token-file/],
    [null, /no answer in time/],
  ]) {
    const { address } = await startRaw(t, answer);
    const { code, stdout, stderr } = await once(address);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, said);
  }
});

test('--once reads every framing', async (t) => {
  for (const answer of [
    () => framed('{}'),
    () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n',
    () => 'HTTP/1.1 200 OK\r\n\r\n{}',
    () => `HTTP/1.1 103 Early Hints\r\n\r\n${framed('{}')}`,
  ]) {
    const { address } = await startRaw(t, answer);
    const { code, stdout, stderr } = await once(address);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'NAMES  none\n\nERRORS  none\n');
  }
});

test('a token goes with each request, and is told nowhere else', async (t) => {
  const file = path.join(tempDir(t), 'token');
  fs.writeFileSync(file, 's3cret\n');
  const { address, seen } = await startRaw(t, (request) =>
    (request.includes('\r\nAuthorization: Bearer s3cret\r\n') ? framed('{}')
      : empty('401 Unauthorized')));
  assert.equal((await once(address, '--token-file', file)).code, 0);
  assert.equal(seen.length, 6);
  for (const request of seen) assert.match(request, /\r\nAuthorization: Bearer s3cret\r\n/);
  fs.writeFileSync(file, 'wrong\n');
  const wrong = await once(address, '--token-file', file);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /it does not take this token/);
  const missing = await once(address, '--token-file', `${file}2`);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /No such file/);
});

test('wrong command lines, and no terminal', async () => {
  for (const args of [['--admin', 'nowhere'], ['--interval', '5'], ['--interval', '1ms'],
    ['more']]) {
    const { code, stderr } = await run(binary, ['top', '--once', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.notEqual(stderr, '');
  }
  const { code, stderr } = await run(binary, ['top']);
  assert.equal(code, 1);
  assert.match(stderr, /no terminal: --once/);
});
