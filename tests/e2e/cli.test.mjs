// The command line, as docs and --help show it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Process, atEnd, binary, curl, run, tempDir, until, within } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const commands = ['run', 'check', 'resolve', 'origin', 'proxy', 'demo', 'top', 'version'];

const oxbow = (...args) => run(binary, args, { ms: 20000 });

async function check(t, yaml) {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, 'c.yaml'), yaml);
  return run(binary, ['check', '-c', 'c.yaml'], { cwd: dir });
}

// A long-running command whose address is on stderr behind `word`.
async function serve(t, word, ...args) {
  const child = new Process(binary, args);
  atEnd(t, async () => {
    child.signal('SIGTERM');
    assert.deepEqual(await child.finish(10000), { code: 0, signal: null });
  });
  child.port = await until(10000, word, () => {
    assert.ok(child.running, child.stderr);
    return new RegExp(`${word} 127\\.0\\.0\\.1:(\\d+)`).exec(child.stderr)?.[1];
  });
  child.url = `http://127.0.0.1:${child.port}`;
  return child;
}

test('version, in two ways', async () => {
  const spelled = await oxbow('version');
  assert.equal(spelled.code, 0);
  assert.match(spelled.stdout, /^oxbow \d+\.\d+\.\d+\n$/);
  assert.equal((await oxbow('--version')).stdout, spelled.stdout);
});

test('--help names the commands, and that of each shows an example', async () => {
  const help = await oxbow('--help');
  assert.equal(help.code, 0);
  for (const command of commands) {
    assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    const own = await oxbow(command, '--help');
    assert.equal(own.code, 0, command);
    assert.match(own.stdout, new RegExp(`^Example:\n  oxbow ${command}`, 'm'));
  }
});

test('a wrong command line is exit status 2 with a word on stderr', async () => {
  for (const args of [[], ['nonsense'], ['run'], ['check'], ['check', '--diff', 'a'],
    ['check', '-c', 'a', '--diff', 'a', 'b'], ['demo', '--seconds', '0'],
    ['demo', '--seconds', '010'], ['demo', '--clients', '0x10'],
    ['proxy', '--to', 'https://localhost/path'], ['origin', '--listen', 'nowhere']]) {
    const { code, stdout, stderr } = await oxbow(...args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.notEqual(stderr, '');
  }
});

test('a duration without its unit is answered with what was meant', async () => {
  const { code, stderr } = await oxbow('origin', '--idle-close', '5');
  assert.equal(code, 2);
  assert.match(stderr, /"5" has no unit; did you mean 5s\?/);
});

test('check: a good file', async (t) => {
  const { code, stdout, stderr } = await check(t, `
upstreams:
  app: { servers: [ 127.0.0.1:3000 ] }
listeners:
  - listen: "[::1]:8080"
    routes: [ { proxy_pass: app } ]
`);
  assert.equal(stderr, '');
  assert.equal(stdout, 'c.yaml: ok (1 upstream, 1 listener)\n');
  assert.equal(code, 0);
});

test('check: every error at once, each with its place', async (t) => {
  const { code, stdout, stderr } = await check(t, `upstreams:
  app:
    servers: [ 127.0.0.1:3000 ]
    keepalve: 3
    read_timeout: 60
    max_conns: many
listeners:
  - listen: 127.0.0.1:8080
    routes: [ { proxy_pass: ap } ]
`);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.deepEqual(stderr.trim().split('\n').map((line) => line.replace(/^(\S+ \S+:).*/, '$1')), [
    'c.yaml:4:5: upstreams.app.keepalve:',
    'c.yaml:5:19: upstreams.app.read_timeout:',
    'c.yaml:6:16: upstreams.app.max_conns:',
    'c.yaml:9:29: listeners[0].routes[0].proxy_pass:',
  ]);
  assert.match(stderr, /did you mean "keepalive"\?/);
  assert.match(stderr, /did you mean "60s"\?/);
  assert.match(stderr, /did you mean "app"\?/);
});

for (const [what, yaml, expected] of [
  ['a key that stands twice', `upstreams:
  app:
    servers: [ 127.0.0.1:3000 ]
    keepalive: 3
    keepalive: 4
listeners:
  - listen: 127.0.0.1:8080
    routes: [ { proxy_pass: app } ]
`, /^c\.yaml:5:5: upstreams\.app\.keepalive: /],
  ['[::1]:80 without quotes', `listeners:
  - listen: [::1]:80
    routes: [ { return: 204 } ]
`, /^c\.yaml:2:13: listeners\[0\]\.listen: .*"\[::1\]:80"/],
  ['a key of a later version', `listeners:
  - listen: 127.0.0.1:8080
    proxy_protocol: on
    routes: [ { return: 204 } ]
`, /^c\.yaml:3:5: listeners\[0\]\.proxy_protocol: .*not supported in this version/],
  ['bytes that are no YAML', 'listeners: [\n', /^c\.yaml:\d+:\d+: /],
  ['an empty file', '', /^c\.yaml:1:1: the file is empty/],
]) {
  test(`check: ${what}`, async (t) => {
    const { code, stderr } = await check(t, yaml);
    assert.equal(code, 1);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
}

test('check --diff: what a reload would change', async (t) => {
  const dir = tempDir(t);
  const compare = (...names) => run(binary, ['check', '--diff', ...names], { cwd: dir });
  const write = (name, servers, maxConns, addresses) => fs.writeFileSync(path.join(dir, name), `
upstreams:
  api: { servers: [ ${servers} ], max_conns: ${maxConns} }
listeners:
${addresses.map((address) => `  - { listen: ${address}, routes: [ { proxy_pass: api } ] }`)
    .join('\n')}
`);
  write('old.yaml', '127.0.0.1:3000', 50, ['127.0.0.1:8080', '127.0.0.1:8081']);
  write('new.yaml', '127.0.0.1:3001, 127.0.0.1:3000', 20, ['127.0.0.1:8080']);
  const changed = await compare('old.yaml', 'new.yaml');
  assert.equal(changed.stderr, '');
  assert.equal(changed.code, 0);
  const shown = /check --diff old\.yaml new\.yaml\n((?: {4}.+\n)+)/
    .exec(fs.readFileSync(path.join(root, 'docs', 'cli.md'), 'utf8'))[1];
  assert.equal(changed.stdout, shown.replace(/^ {4}/gm, ''));
  assert.deepEqual(await compare('new.yaml', 'new.yaml').then(({ code, stdout }) => [code, stdout]),
    [0, 'no changes\n']);
  fs.writeFileSync(path.join(dir, 'bad.yaml'), 'listeners: 3\n');
  const bad = await compare('old.yaml', 'bad.yaml');
  assert.equal(bad.code, 1);
  assert.equal(bad.stdout, '');
  assert.match(bad.stderr, /^bad\.yaml:1:12: listeners: /);
});

test('no file, a bad file, a taken address: run and check end with 1', async (t) => {
  const dir = tempDir(t);
  for (const command of ['run', 'check']) {
    const { code, stderr } = await oxbow(command, '-c', path.join(dir, 'none.yaml'));
    assert.equal(code, 1);
    assert.match(stderr, /none\.yaml: cannot open/);
  }
  fs.writeFileSync(path.join(dir, 'bad.yaml'), 'listeners: 3\n');
  const bad = await oxbow('run', '-c', path.join(dir, 'bad.yaml'));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /bad\.yaml:1:12: listeners: /);
  const origin = await startOrigin(t);
  fs.writeFileSync(path.join(dir, 'taken.yaml'),
    `listeners: [ { listen: "${origin.address}", routes: [ { return: 204 } ] } ]\n`);
  const taken = await oxbow('run', '-c', path.join(dir, 'taken.yaml'));
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /in use/);
});

// What a shell makes of the command, whose outputs it may close or fill.
const shell = (line) => run('sh', ['-c', line.replaceAll('OXBOW', `'${binary}'`)], { ms: 20000 });

test('outputs that are closed or full change no exit status', async (t) => {
  const dir = tempDir(t);
  const bad = path.join(dir, 'bad.yaml');
  fs.writeFileSync(bad, 'listeners: 3\n');
  for (const where of ['2>&-', '2>/dev/full', '>&- 2>&-', '<&- >&- 2>&-']) {
    assert.equal((await shell(`OXBOW check -c ${bad} ${where}`)).code, 1, where);
    assert.equal((await shell(`OXBOW run -c ${bad} ${where}`)).code, 1, where);
    assert.equal((await shell(`OXBOW nonsense ${where}`)).code, 2, where);
    assert.equal((await shell(`OXBOW proxy --to ftp://x ${where}`)).code, 2, where);
  }
});

test('a reader of the problems that leaves ends nothing', async (t) => {
  const bad = path.join(tempDir(t), 'bad.yaml');
  fs.writeFileSync(bad, `listeners:\n${'  - 3\n'.repeat(20000)}`);
  const left = await shell(`exec 3>&1; { OXBOW check -c ${bad} 2>&1; echo $? >&3; } | head -1`);
  assert.deepEqual(left.stdout.trim().split('\n').at(-1), '1');
});

test('what was asked for and cannot be printed is status 1, with the reason', async (t) => {
  const good = path.join(tempDir(t), 'good.yaml');
  fs.writeFileSync(good, 'listeners: [ { listen: 127.0.0.1:0, routes: [ { return: 204 } ] } ]\n');
  for (const command of [`check -c ${good}`, 'version', '--version', '--help', 'demo'])
    for (const [where, reason] of [['>/dev/full', 'No space left on device'],
      ['>&-', 'Bad file descriptor']]) {
      const { code, stderr } = await shell(`OXBOW ${command} ${where}`);
      assert.equal(code, 1, `${command} ${where}`);
      assert.match(stderr, new RegExp(`cannot write to standard output: ${reason}`));
    }
});

test('an access log on a closed standard output cannot be opened', async (t) => {
  const file = path.join(tempDir(t), 'c.yaml');
  fs.writeFileSync(file, `listeners:
  - listen: 127.0.0.1:0
    access_log: { path: stdout }
    routes: [ { return: 204 } ]
`);
  const { code, stderr } = await shell(`OXBOW run -c ${file} >&-`);
  assert.equal(code, 1);
  assert.match(stderr, /cannot open stdout: Bad file descriptor/);
});

test('no descriptor of the server takes the number of a closed standard one', async (t) => {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, 'c.yaml'),
    `listeners: [ { listen: "unix:${dir}/here", routes: [ { return: 204 } ] } ]\n`);
  const child = new Process('sh',
    ['-c', `exec '${binary}' run -c c.yaml <&- >&- 2>&-`], { cwd: dir });
  atEnd(t, () => child.finish(10000));
  await until(10000, 'its socket', () => fs.existsSync(path.join(dir, 'here')));
  for (const fd of [0, 1, 2])
    assert.equal(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`), '/dev/null');
  child.signal('SIGTERM');
  assert.deepEqual(await child.finish(10000), { code: 0, signal: null });
  assert.ok(!fs.existsSync(path.join(dir, 'here')), 'its socket goes with it');
});

test('what README shows passes check', async (t) => {
  const blocks = [...fs.readFileSync(path.join(root, 'README.md'), 'utf8')
    .matchAll(/^```yaml\n([^]*?)^```$/gm)].map((match) => match[1]);
  assert.ok(blocks.length > 0);
  for (const yaml of blocks) {
    const { code, stderr } = await check(t, yaml);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
  }
});

test('demo measures that the pool opens fewer connections', async () => {
  const { code, stdout, stderr } = await oxbow('demo', '--seconds', '2', '--clients', '20');
  assert.equal(code, 0, stderr);
  const figures = (name) => {
    const row = new RegExp(`^${name} +([\\d,]+) +([\\d,]+)$`, 'm').exec(stdout);
    assert.ok(row, `${name}:\n${stdout}`);
    return [row[1], row[2]].map((text) => Number(text.replaceAll(',', '')));
  };
  const [plain, pooled] = figures('connections at the origin');
  const [plainRequests, pooledRequests] = figures('requests');
  assert.deepEqual(figures('failed'), [0, 0]);
  assert.ok(plainRequests > 40 && pooledRequests > 40, stdout);
  assert.ok(plain >= plainRequests, 'without a pool each request has a connection');
  assert.ok(pooled <= 20, 'with one there are no more than clients');
});

test('proxy in front of origin, without a file', async (t) => {
  const origin = await serve(t, 'origin on', 'origin', '--listen', '127.0.0.1:0');
  const proxy = await serve(t, 'listening on', 'proxy', '--from', '127.0.0.1:0',
    '--to', origin.url);
  const large = await curl([`${proxy.url}/bytes/1000000`]);
  assert.equal(large.status, 200);
  assert.equal(large.body.length, 1000000);
  const chunked = await curl(['-i', `${proxy.url}/chunked/50000`]);
  assert.match(chunked.text, /^Transfer-Encoding: chunked\r$/m);
  assert.equal(chunked.text.split('\r\n\r\n')[1].length, 50000);
  const echo = await curl(['--data-binary', 'what I said', `${proxy.url}/echo`]);
  assert.match(echo.text, /^POST \/echo HTTP\/1\.1\r?\n/);
  assert.match(echo.text, /^via: 1\.1 oxbow\r?$/mi);
  assert.match(echo.text, /what I said$/);
  assert.equal((await curl([`${proxy.url}/status/418`])).status, 418);
  await until(10000, 'its access log', () => proxy.stdout.trim().split('\n').length === 4);
  assert.match(proxy.stdout, /"GET \/bytes\/1000000 HTTP\/1\.1" 200 1000000 /);
  assert.match(proxy.stdout, /"POST \/echo HTTP\/1\.1" 200 .* reused=1 /);
});

test('origin closes as it is told to', async (t) => {
  const hinting = await serve(t, 'origin on', 'origin', '--listen', '127.0.0.1:0',
    '--idle-close', '2s', '--keep-alive-hint');
  assert.match((await curl(['-i', `${hinting.url}/`])).text, /^Keep-Alive: timeout=2\r$/m);
  const counting = await serve(t, 'origin on', 'origin', '--listen', '127.0.0.1:0',
    '--close-after', '2');
  const urls = Array.from({ length: 5 }, () => ['-o', '/dev/null', `${counting.url}/`]).flat();
  const { stdout, code } = await run('curl', ['-q', '-sS', '--noproxy', '*',
    '-w', '%{num_connects} ', ...urls]);
  assert.equal(code, 0);
  assert.equal(stdout, '1 0 1 0 1 ');
});

test('proxy ends when it is told to, with status 0', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT']) {
    const proxy = new Process(binary, ['proxy', '--from', '127.0.0.1:0', '--to', origin.address]);
    await until(10000, 'listening', () => proxy.stderr.includes('listening on'));
    proxy.signal(signal);
    assert.deepEqual(await within(5000, 'its end', proxy.exited), { code: 0, signal: null });
  }
});
