// Where an access log goes: syslog, sockets, and places that fail. Serving goes on, what is lost is
// counted, and what is there again is written to again.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { atEnd, curl, Process, startOxbow, tempDir, until } from './harness.mjs';
import { metric } from './observe.mjs';

const datagrams = fileURLToPath(new URL('unix_datagrams.py', import.meta.url));

// Answers by itself, and logs the target of each request to `where`.
const logTo = (t, where) => startOxbow(t, `
shutdown_timeout: 5s
drain_spread: 0s
admin: { listen: 127.0.0.1:0 }
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: "${where}", keys: [ target, status ] }
    routes: [ { return: 204 } ]
`);

async function ask(oxbow, target) {
  assert.equal((await curl([`${oxbow.url}${target}`])).status, 204);
}

const dropped = async (oxbow) => (await metric(oxbow, 'oxbow_access_log_dropped_total'))[''];
const lineOf = (target) => `{"target":"${target}","status":204}`;

const kHeader = /^<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ (\S+) (\d+) access - /;

async function serveUdp(port = 0) {
  const messages = [];
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message) => messages.push(message.toString()));
  await new Promise((done) => socket.bind(port, '127.0.0.1', done));
  const stop = () => new Promise((done) => socket.close(done));
  return { messages, stop, port: socket.address().port };
}

test('syslog over UDP has RFC 5424\'s header, with what is set of it', async (t) => {
  const { messages, stop, port } = await serveUdp();
  atEnd(t, stop);
  const oxbow = await logTo(t,
    `syslog:server=127.0.0.1:${port},facility=daemon,severity=notice,tag=edge-1`);
  await ask(oxbow, '/one');
  await ask(oxbow, '/two');
  await until(10000, 'two messages', () => messages.length === 2);
  for (const message of messages) {
    const [, priority, tag, pid] = kHeader.exec(message);
    assert.deepEqual([priority, tag, pid], ['29', 'edge-1', `${oxbow.pid}`]);
  }
  assert.deepEqual(messages.map((message) => message.replace(kHeader, '')),
    ['/one', '/two'].map(lineOf));
});

test('a syslog that nobody serves costs lines, no requests, and may come later', async (t) => {
  const gone = await serveUdp();
  await gone.stop();
  const oxbow = await logTo(t, `syslog:server=127.0.0.1:${gone.port}`);
  await until(10000, 'dropped lines', async () => {
    await ask(oxbow, '/lost');
    return await dropped(oxbow) > 0;
  });
  const { messages, stop } = await serveUdp(gone.port);
  atEnd(t, stop);
  await ask(oxbow, '/there');
  await until(10000, 'the message', () => messages.some((text) => text.includes('/there')));
});

async function serveDatagrams(t, socket) {
  const server = new Process('python3', [datagrams, socket]);
  atEnd(t, async () => {
    server.signal('SIGKILL');
    await server.exited;
  });
  await until(10000, 'the socket', () => server.stdout.startsWith('ready\n'));
  return {
    messages: () => server.stdout.split('\n').slice(1, -1).map((line) => JSON.parse(line)),
    stop: async () => {
      server.signal('SIGKILL');
      await server.exited;
      fs.unlinkSync(socket);
    },
  };
}

test('syslog over a Unix socket, whose server starts anew', async (t) => {
  const socket = path.join(tempDir(t), 'log');
  let server = await serveDatagrams(t, socket);
  const oxbow = await logTo(t, `syslog:server=unix:${socket}`);
  await ask(oxbow, '/one');
  await until(10000, 'the message', () => server.messages().length === 1);
  const [message] = server.messages();
  assert.equal(kHeader.exec(message)[1], '190');
  assert.equal(message.replace(kHeader, ''), lineOf('/one'));
  await server.stop();
  await ask(oxbow, '/lost');
  await until(10000, 'a dropped line', async () => await dropped(oxbow) === 1);
  server = await serveDatagrams(t, socket);
  await ask(oxbow, '/two');
  await until(10000, 'the message', () => server.messages().length === 1);
  assert.equal(server.messages()[0].replace(kHeader, ''), lineOf('/two'));
});

test('syslog in the form of /dev/log', async (t) => {
  const socket = path.join(tempDir(t), 'log');
  const server = await serveDatagrams(t, socket);
  const oxbow = await logTo(t, `syslog:server=unix:${socket},format=local`);
  await ask(oxbow, '/one');
  await until(10000, 'the message', () => server.messages().length === 1);
  assert.match(server.messages()[0], new RegExp(
    String.raw`^<190>\w{3} [ \d]\d \d\d:\d\d:\d\d oxbow\[${oxbow.pid}\]: \{"target":"/one",`));
});

// Takes lines over a Unix stream socket, until it is told to stop.
async function serveStream(socket) {
  let text = '';
  const clients = new Set();
  const server = net.createServer((client) => {
    clients.add(client);
    client.setEncoding('utf8');
    client.on('data', (more) => { text += more; });
    client.on('error', () => {});
  });
  await new Promise((done) => server.listen(socket, done));
  return {
    lines: () => text.split('\n').slice(0, -1),
    stop: () => new Promise((done) => {
      for (const client of clients) client.destroy();
      server.close(done);
    }),
  };
}

test('a Unix stream socket whose reader goes away and comes back', async (t) => {
  const socket = path.join(tempDir(t), 'log');
  const oxbow = await logTo(t, `unix:${socket}`);
  await ask(oxbow, '/early');
  await until(10000, 'a dropped line', async () => await dropped(oxbow) === 1);
  let reader = await serveStream(socket);
  await ask(oxbow, '/one');
  await until(10000, 'the line', () => reader.lines().length === 1);
  await reader.stop();
  await ask(oxbow, '/lost');
  await until(10000, 'a dropped line', async () => await dropped(oxbow) === 2);
  const back = await serveStream(socket);
  atEnd(t, () => back.stop());
  await ask(oxbow, '/two');
  await until(10000, 'the line', () => back.lines().length === 1);
  assert.deepEqual([...reader.lines(), ...back.lines()], ['/one', '/two'].map(lineOf));
  // Told once when it began, and once when it was over.
  const told = (what) => (oxbow.stderr.match(what) ?? []).length;
  await until(10000, 'the end told', () =>
    told(/is written to again; 1 access records were lost/g) === 2);
  assert.equal(told(/cannot write to unix:/g), 2);
});

test('a Unix datagram socket gets a line each', async (t) => {
  const socket = path.join(tempDir(t), 'log');
  const server = await serveDatagrams(t, socket);
  const oxbow = await logTo(t, `unix:${socket}`);
  await ask(oxbow, '/one');
  await ask(oxbow, '/two');
  await until(10000, 'the lines', () => server.messages().length === 2);
  assert.deepEqual(server.messages(), ['/one', '/two'].map(lineOf));
});

test('a reader that stops reading holds up neither requests nor the end', async (t) => {
  const socket = path.join(tempDir(t), 'log');
  const server = net.createServer((client) => {
    client.pause();
    client.on('error', () => {});
    atEnd(t, () => client.destroy());
  });
  await new Promise((done) => server.listen(socket, done));
  atEnd(t, () => new Promise((done) => server.close(done)));
  const oxbow = await logTo(t, `unix:${socket}`);
  const long = `/${'x'.repeat(2000)}`;
  const args = Array.from({ length: 200 }, () => `${oxbow.url}${long}`);
  await until(60000, 'dropped lines', async () => {
    await curl(args);
    return await dropped(oxbow) > 0;
  });
  await ask(oxbow, '/last');
  await oxbow.stop(10000);
});

test('a full disk costs lines, no requests', async (t) => {
  const oxbow = await logTo(t, '/dev/full');
  for (let i = 0; i < 3; ++i) await ask(oxbow, '/x');
  await until(10000, 'dropped lines', async () => await dropped(oxbow) === 3);
  await oxbow.stop();
  assert.equal(oxbow.stderr.match(/cannot write to \/dev\/full: No space left/g).length, 1);
});

test('SIGUSR1 with the files of a listener and of a route', async (t) => {
  const dir = tempDir(t);
  const [all, own] = ['all', 'own'].map((name) => path.join(dir, name));
  const oxbow = await startOxbow(t, `
listeners:
  - listen: 127.0.0.1:0
    access_log: { path: ${all}, keys: target }
    routes:
      - { location: /own, return: 204, access_log: { path: ${own}, keys: target } }
      - { return: 204 }
`);
  const askBoth = async (n) => {
    for (const target of [`/all${n}`, `/own${n}`]) await ask(oxbow, target);
  };
  await askBoth(1);
  for (const file of [all, own]) fs.renameSync(file, `${file}.1`);
  oxbow.signal('SIGUSR1');
  await until(10000, 'the new files', () => fs.existsSync(all) && fs.existsSync(own));
  await askBoth(2);
  await oxbow.stop();
  const read = (file) => fs.readFileSync(file, 'utf8');
  for (const [file, name] of [[all, 'all'], [own, 'own']]) {
    assert.equal(read(`${file}.1`), `{"target":"/${name}1"}\n`);
    assert.equal(read(file), `{"target":"/${name}2"}\n`);
  }
});
