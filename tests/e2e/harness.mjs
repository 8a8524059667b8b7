// What the suites share: processes that are started with a deadline and stopped by their pid,
// temporary folders, and files of random bytes. Every test cleans up when it ends, the last thing
// first; what is still alive when the test process ends is killed then, so that a failed test
// leaves nothing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export const binary = process.env.OXBOW;
assert.ok(binary, 'OXBOW names the executable to test');

// Sanitizers keep freed memory and pad every block: figures of memory mean nothing under them.
export const sanitized = fs.readFileSync(binary).includes('__asan_init');

export const MiB = 1024 * 1024;

const alive = new Set();
const dirs = new Set();
const removeDir = (dir) => fs.rmSync(dir, { recursive: true, force: true });
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
  for (const dir of dirs) removeDir(dir);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// What a test waits for comes late on a slow machine that others use too. So nothing is given up
// earlier than this, in ms, whatever a caller says; whether something came soon is for the caller to
// find out, by a setting of oxbow that would have made it come later than this.
const kPatience = 30000;

export async function within(least, what, promise) {
  const ms = Math.max(least, kPatience);
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`${what}: nothing after ${ms} ms`);
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export async function until(least, what, condition) {
  const ms = Math.max(least, kPatience);
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `${what}: not after ${ms} ms`);
    await sleep(5);
  }
}

const cleanups = new WeakMap();

export function atEnd(t, step) {
  if (!cleanups.has(t)) {
    const steps = [];
    cleanups.set(t, steps);
    t.after(async () => {
      const errors = [];
      while (steps.length > 0) {
        try {
          await steps.pop()();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    });
  }
  cleanups.get(t).push(step);
}

export function tempDir(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'oxbow-e2e-'));
  dirs.add(dir);
  atEnd(t, () => {
    removeDir(dir);
    dirs.delete(dir);
  });
  return dir;
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function sha256OfFile(file) {
  const hash = createHash('sha256');
  for await (const piece of fs.createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
}

// A file of `size` bytes that does not compress and has no period of a buffer's size.
export function writeNoise(file, size) {
  const noise = randomBytes(MiB + 7);
  const hash = createHash('sha256');
  const fd = fs.openSync(file, 'w');
  for (let left = size; left > 0;) {
    const piece = noise.subarray(0, Math.min(left, noise.length));
    fs.writeSync(fd, piece);
    hash.update(piece);
    left -= piece.length;
  }
  fs.closeSync(fd);
  return hash.digest('hex');
}

// A child process, its output kept.
export class Process {
  constructor(command, args, options = {}) {
    this.command = command;
    this.stdout = '';
    this.stderr = '';
    this.child = spawn(command, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    alive.add(this.child);
    this.child.stdout.setEncoding(options.encoding ?? 'utf8');
    this.child.stderr.setEncoding('utf8');
    this.child.stdout.on('data', (text) => { this.stdout += text; });
    this.child.stderr.on('data', (text) => { this.stderr += text; });
    if (options.input !== undefined) {
      this.child.stdin.on('error', () => {});  // it may leave before it has read everything
      if (options.keepStdin) this.child.stdin.write(options.input);
      else this.child.stdin.end(options.input);
    }
    this.running = true;
    this.exited = new Promise((done) => {
      this.child.on('error', (error) => {
        this.stderr += error.message;
        this.end(done, { code: null, signal: null });
      });
      this.child.on('close', (code, signal) => this.end(done, { code, signal }));
    });
  }

  end(done, result) {
    this.running = false;
    alive.delete(this.child);
    done(result);
  }

  get pid() { return this.child.pid; }

  signal(name) { this.child.kill(name); }

  // Waits for the end; a process that is late is killed, and the test fails.
  async finish(ms) {
    try {
      return await within(ms, `end of ${this.command}`, this.exited);
    } catch (error) {
      this.signal('SIGKILL');
      await this.exited;
      error.message += `\n${this.stdout.slice(-2000)}\n${this.stderr.slice(-4000)}`;
      throw error;
    }
  }
}

export async function run(command, args, options = {}) {
  const child = new Process(command, args, options);
  const { code } = await child.finish(options.ms ?? 60000);
  return { code, stdout: child.stdout, stderr: child.stderr };
}

// A running oxbow. `port` is that of the first listener, `ports` are those of all.
class Oxbow extends Process {
  constructor(file, dir, { args, env, under }) {
    const [command, ...rest] = [...under, binary, 'run', '-c', file, ...args];
    super(command, rest, { cwd: dir, env });
    this.file = file;
    this.dir = dir;
  }

  async listening(count, hasAdmin) {
    await until(10000, 'oxbow listening', () => {
      assert.ok(this.running, `oxbow ended:\n${this.stderr}`);
      this.ports = [...this.stderr.matchAll(/listening on 127\.0\.0\.1:(\d+)/g)]
        .map((match) => Number(match[1]));
      this.adminPort = Number(/admin on (?:127\.0\.0\.1|0\.0\.0\.0):(\d+)/.exec(this.stderr)?.[1] ?? 0);
      return this.ports.length >= count && (!hasAdmin || this.adminPort > 0);
    });
    this.port = this.ports[0];
    this.url = `http://127.0.0.1:${this.port}`;
    this.adminUrl = `http://127.0.0.1:${this.adminPort}`;
  }

  signal(name) {
    if (['SIGTERM', 'SIGINT', 'SIGQUIT'].includes(name)) this.ending = true;
    super.signal(name);
  }

  // A figure of /proc/PID/status, in KiB or plain.
  status(key) {
    const text = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)[1]);
  }

  // As an operator stops it. Whatever the test did, this must be a clean end.
  async stop(ms = 15000) {
    if (this.running && !this.ending) this.signal('SIGTERM');
    const { code, signal } = await this.finish(ms);
    assert.equal(signal, null, `oxbow died of ${signal}:\n${this.stderr.slice(-4000)}`);
    assert.equal(code, 0, `oxbow ended with ${code}:\n${this.stderr.slice(-4000)}`);
  }
}

// Starts oxbow with `yaml`, whose listeners are at 127.0.0.1:0. It is stopped, and its exit status
// checked, when the test ends.
// On `yaml`, or on a file that is there already. `args` are further ones of the command line.
// `under` is a command that sets something and becomes it, such as prlimit.
export async function startOxbow(t, yaml, { file, args = [], env, under = [] } = {}) {
  const dir = tempDir(t);
  if (file === undefined) {
    file = path.join(dir, 'oxbow.yaml');
    fs.writeFileSync(file, yaml);
  } else {
    yaml = fs.readFileSync(file, 'utf8');
  }
  const oxbow = new Oxbow(file, dir, { args, env, under });
  atEnd(t, () => oxbow.stop());
  await oxbow.listening(yaml.match(/^ *- listen:/gm).length, /admin: \{ listen: (127|0)/.test(yaml));
  return oxbow;
}

// One listener in front of one upstream. `upstream` and `listener` are further lines of YAML.
export function proxyTo(server, { upstream = '', listener = '', top = '', shutdown = '5s' } = {}) {
  const indent = (lines, by) => lines.trim().split('\n').map((line) => by + line.trim()).join('\n');
  return `
shutdown_timeout: ${shutdown}
drain_spread: 0s
${top}
upstreams:
  app:
    servers: [ "${server}" ]
${indent(upstream, '    ')}
listeners:
  - listen: 127.0.0.1:0
${indent(listener, '    ')}
    routes: [ { proxy_pass: app } ]
`;
}

// One of those that the kernel gives to nobody who has not asked for it.
function drawPort() {
  const kFirst = 10000;
  const range = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const size = Number(range.split(/\s+/)[0]) - kFirst;
  return size > 1000 ? kFirst + Math.floor(Math.random() * size) : 0;
}

const portOfListening = (port) => new Promise((done) => {
  const server = net.createServer();
  server.once('error', () => done());
  server.listen(port, '127.0.0.1', () => {
    const found = server.address().port;
    server.close(() => done(found));
  });
});

// For servers that must be told their port, also those that come back on it. It is free now, and
// hardly taken a moment later.
export async function freePort() {
  for (;;) {
    const port = await portOfListening(drawPort());
    if (port !== undefined) return port;
  }
}

// curl, deaf to the proxies of its environment. `status` is of the last response.
export async function curl(args, options = {}) {
  const write = '\n%{http_code} %{size_upload} %{size_download} %{num_connects} %{time_total}';
  const result = await run('curl', ['-q', '-sS', '--noproxy', '*', '-w', write, ...args],
    { encoding: 'latin1', ...options });
  const cut = result.stdout.lastIndexOf('\n');
  const [status, uploaded, downloaded, connects, seconds] =
    result.stdout.slice(cut + 1).split(' ').map(Number);
  const body = Buffer.from(result.stdout.slice(0, cut), 'latin1');
  const text = body.toString();
  return { ...result, body, text, status, uploaded, downloaded, connects, seconds };
}
