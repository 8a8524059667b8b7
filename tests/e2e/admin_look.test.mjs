// What the admin address tells of each connection, and while things happen.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { curl, proxyTo, startOxbow, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';

const answer = (request, response) => response.end('from the origin\n');
const top = 'workers: 2\nadmin: { listen: 127.0.0.1:0 }';

const json = async (oxbow, target) => {
  const { status, text } = await curl([oxbow.adminUrl + target]);
  assert.equal(status, 200, `${target}: ${text}`);
  return JSON.parse(text);
};
const connectionsOf = async (oxbow, query = '') =>
  (await json(oxbow, `/api/connections${query}`)).connections;

// All pages of them, one by one.
async function allPages(oxbow, query, between = async () => {}) {
  const all = [];
  let cursor = '';
  do {
    const page = await json(oxbow, `/api/connections?${query}${cursor}`);
    all.push(...page.connections);
    cursor = page.next && `&cursor=${page.next}`;
    await between();
  } while (cursor);
  return all;
}

async function connect(t, oxbow, count) {
  const sockets = Array.from({ length: count }, () => net.connect(oxbow.port, '127.0.0.1'));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => new Promise((done, failed) => {
    socket.once('connect', done).once('error', failed);
  })));
  return sockets;
}

test('/api/connections tells of clients and of connections to servers', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  await connect(t, oxbow, 1);
  const request = curl([oxbow.url]);
  await until(10000, 'the request', () => held.length === 1);
  const all = await until(5000, 'both clients', async () => {
    const found = await connectionsOf(oxbow);
    return found.length === 3 && found;
  });
  const clients = all.filter(({ kind }) => kind === 'client');
  assert.deepEqual(clients.map(({ state }) => state).sort(), ['exchange', 'idle']);
  const busy = clients.find(({ state }) => state === 'exchange');
  assert.equal(busy.upstream, 'app');
  assert.equal(busy.address, '127.0.0.1');
  assert.equal(busy.listener, '127.0.0.1:0');
  assert.equal(busy.tls, null);
  const [conn] = all.filter(({ kind }) => kind === 'upstream');
  assert.equal(conn.state, 'active');
  assert.equal(conn.endpoint, origin.address);
  assert.equal(conn.exchanges, 1);
  assert.equal(conn.idle_s, null);
  assert.ok(conn.age_s >= 0 && conn.age_s < 600);
  assert.equal((await connectionsOf(oxbow, '?kind=client&upstream=app')).length, 1);
  held[0].end('done');
  await request;
  await until(5000, 'an idle one', async () =>
    (await connectionsOf(oxbow, '?kind=upstream'))[0].idle_s !== null);
});

test('pages neither repeat nor lose what lives through all of them', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const count = 250;
  await connect(t, oxbow, count);
  await until(10000, 'all clients', async () =>
    (await connectionsOf(oxbow, '?kind=client&limit=1000')).length === count);
  const before = await connectionsOf(oxbow, '?kind=client&limit=1000');
  // Others come and go, and requests leave connections behind, between the pages.
  let others = [];
  const pages = await allPages(oxbow, 'limit=13', async () => {
    others.splice(0, 2).forEach((socket) => socket.destroy());
    others.push(...await connect(t, oxbow, 3));
    await curl([oxbow.url]);
  });
  const ids = pages.filter(({ kind }) => kind === 'client').map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { id } of before) assert.ok(ids.includes(id), `${id} was lost`);
  assert.ok(new Set(before.map(({ worker }) => worker)).size === 2);
  const conns = pages.filter(({ kind }) => kind === 'upstream');
  assert.ok(conns.length > 0);
  assert.equal(new Set(conns.map(({ id }) => id)).size, conns.length);
});

test('what is asked wrongly is 400 and says why', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  for (const [target, why] of [['/api/connections?limit=0', /limit is a number from 1 to 1000/],
    ['/api/connections?upstream=nobody', /no upstream is "nobody"/],
    ['/api/connections?page=2', /no parameter page/], ['/api/config?x=1', /no parameters/],
    ['/api/events?kind=closed', /kind is a list of/]]) {
    const { status, text } = await curl([oxbow.adminUrl + target]);
    assert.equal(status, 400, target);
    assert.match(text, why);
  }
});

test('/api/log-level changes what is logged, and a reload leaves it', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const post = (target) => curl(['-X', 'POST', oxbow.adminUrl + target]);
  assert.deepEqual(await json(oxbow, '/api/log-level'), { level: 'info' });
  assert.equal((await post('/api/log-level?level=loud')).status, 400);
  const changed = await post('/api/log-level?level=debug');
  assert.deepEqual(JSON.parse(changed.text), { before: 'info', level: 'debug' });
  await until(5000, 'the change in the log', () =>
    /log_level was info and is debug/.test(oxbow.stderr));
  const yaml = fs.readFileSync(oxbow.file, 'utf8');
  fs.writeFileSync(oxbow.file, yaml.replace('workers: 2', 'workers: 2\nworker_connections: 99'));
  assert.equal((await post('/api/reload')).status, 200);
  assert.deepEqual(await json(oxbow, '/api/log-level'), { level: 'debug' });
  fs.writeFileSync(oxbow.file, yaml.replace('workers: 2', 'workers: 2\nlog_level: error'));
  assert.equal((await post('/api/reload')).status, 200);
  assert.deepEqual(await json(oxbow, '/api/log-level'), { level: 'error' });
  assert.equal((await json(oxbow, '/api/config')).generation, 3);
  assert.equal((await json(oxbow, '/api/config')).config.log_level, 'error');
});

// Reads a stream of events as it comes.
async function watch(t, oxbow, query = '') {
  const stream = { text: '', ended: false };
  const request = http.get(`${oxbow.adminUrl}/api/events${query}`, { agent: false });
  t.after(() => request.destroy());
  const response = await new Promise((done, failed) => {
    request.once('response', done).once('error', failed);
  });
  stream.request = request;
  stream.status = response.statusCode;
  stream.headers = response.headers;
  response.setEncoding('utf8');
  response.on('data', (text) => { stream.text += text; });
  response.on('end', () => { stream.ended = true; });
  response.on('error', () => {});
  stream.events = () => [...stream.text.matchAll(/^event: (\w+)\ndata: (.*)\n$/gm)]
    .map(([, kind, data]) => ({ event: kind, ...JSON.parse(data) }));
  return stream;
}

test('/api/events tells a connection\'s life, and ends with oxbow', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top, upstream: 'keepalive_timeout: 300ms',
  }));
  const all = await watch(t, oxbow);
  const closes = await watch(t, oxbow, '?upstream=app&kind=retired');
  assert.equal(all.status, 200);
  assert.equal(all.headers['content-type'], 'text/event-stream');
  assert.equal(all.headers['cache-control'], 'no-store');
  await curl([oxbow.url]);
  await until(10000, 'the end of the connection', () =>
    all.events().some(({ kind }) => kind === 'retired'));
  const events = all.events();
  assert.deepEqual(events.map(({ kind }) => kind), ['created', 'acquired', 'released', 'retired']);
  for (const event of events) {
    assert.equal(event.event, event.kind);
    assert.equal(event.upstream, 'app');
    assert.equal(event.endpoint, origin.address);
    assert.equal(event.connection, events[0].connection);
    assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 600000);
  }
  assert.equal(events[3].reason, 'keepalive_timeout');
  await until(5000, 'the other stream', () => closes.events().length === 1);
  const { text: metrics } = await curl([`${oxbow.adminUrl}/metrics`]);
  assert.match(metrics, /^oxbow_event_subscribers 2$/m);
  assert.match(metrics, /^oxbow_events_dropped_total 0$/m);
  oxbow.signal('SIGTERM');
  await until(10000, 'the end of the streams', () => all.ended && closes.ended);
});

test('a connection that goes to another worker keeps its id', async (t) => {
  const origin = await startOrigin(t, answer);
  // One for both workers.
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top, upstream: 'max_conns: 1' }));
  const stream = await watch(t, oxbow, '?kind=created,moved');
  // The second client comes while the first is there, and so to the other worker.
  const agents = [0, 1].map(() => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  const ask = (agent) => new Promise((done, failed) => {
    http.get(oxbow.url, { agent }, (response) => response.resume().on('end', done))
      .on('error', failed);
  });
  await until(60000, 'a move', async () => {
    for (const agent of agents) await ask(agent);
    return stream.events().some(({ kind }) => kind === 'moved');
  });
  const moved = stream.events().find(({ kind }) => kind === 'moved');
  const created = stream.events().find(({ connection, kind }) =>
    kind === 'created' && connection === moved.connection);
  assert.notEqual(moved.worker, created.worker);
  assert.equal((await connectionsOf(oxbow, '?kind=upstream'))[0].id, created.connection);
});

test('a request that finds the queue full is an event', async (t) => {
  const held = [];
  const origin = await startOrigin(t, (request, response) => held.push(response));
  const oxbow = await startOxbow(t, proxyTo(origin.address, {
    top, upstream: 'max_conns: 1\nqueue: { size: 1, timeout: 30s }',
  }));
  const stream = await watch(t, oxbow, '?kind=refused');
  const requests = Array.from({ length: 4 }, () => curl([oxbow.url]));
  await until(10000, 'refusals', () => stream.events().length >= 2);
  const [event] = stream.events();
  assert.equal(event.reason, 'full');
  assert.equal(event.endpoint, null);
  assert.equal(event.connection, null);
  const answering = setInterval(() => held.splice(0).forEach((response) => response.end()), 5);
  await Promise.all(requests);
  clearInterval(answering);
});

test('a ninth reader of events gets 503, until one leaves', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const streams = [];
  for (let i = 0; i < 8; ++i) streams.push(await watch(t, oxbow));
  assert.ok(streams.every(({ status }) => status === 200));
  assert.equal((await curl([`${oxbow.adminUrl}/api/events`])).status, 503);
  streams[0].request.destroy();
  // That it has left shows when something is written to it.
  await until(40000, 'room again', async () => {
    await curl([oxbow.url]);
    return (await watch(t, oxbow)).status === 200;
  });
});

test('a reader that stops loses events and is told; requests go on', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top: top.replace('2', '1') }));
  const socket = net.connect(oxbow.adminPort, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let text = '';
  socket.setEncoding('utf8');
  await new Promise((done) => socket.once('data', done));
  socket.pause();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  t.after(() => agent.destroy());
  const ask = () => new Promise((done, failed) => {
    http.get(oxbow.url, { agent }, (response) => {
      assert.equal(response.statusCode, 200);
      response.resume().on('end', done);
    }).on('error', failed);
  });
  const dropped = async () => Number(/^oxbow_events_dropped_total (\d+)$/m.exec(
    (await curl([`${oxbow.adminUrl}/metrics`])).text)[1]);
  await until(120000, 'events that are lost', async () => {
    await Promise.all(Array.from({ length: 500 }, ask));
    return await dropped() > 0;
  });
  socket.on('data', (more) => { text += more; });
  socket.resume();
  await until(30000, 'to be told', async () => {
    await ask();
    return /event: dropped/.test(text);
  });
});

test('streams end when a reload takes the admin address away', async (t) => {
  const origin = await startOrigin(t, answer);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const stream = await watch(t, oxbow);
  fs.writeFileSync(oxbow.file, fs.readFileSync(oxbow.file, 'utf8').replace(/^admin:.*$/m, ''));
  oxbow.signal('SIGHUP');
  await until(10000, 'the end of the stream', () => stream.ended);
  await curl([oxbow.url]);
});
