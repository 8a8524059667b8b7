// A DNS server that answers from a script, over UDP and TCP on one port. It writes its packets
// itself (RFC 1035, section 4); names that it does not know are NXDOMAIN.

import dgram from 'node:dgram';
import net from 'node:net';

import { atEnd, freePort, sleep } from './harness.mjs';

const typeOf = { A: 1, CNAME: 5, SOA: 6, AAAA: 28, SRV: 33, OPT: 41 };
const codeOf = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const nameOfType = Object.fromEntries(Object.entries(typeOf).map(([name, n]) => [n, name]));

const number16 = (...values) => Buffer.concat(values.map((value) => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}));

const labels = (name) => Buffer.concat([
  ...name.split('.').filter((label) => label !== '')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
  Buffer.from([0]),
]);

// '::ffff' and the like are not needed here: groups and one '::'.
function ipv6Bytes(text) {
  const groups = (part) => part.split(':').filter((group) => group !== '')
    .map((group) => parseInt(group, 16));
  const [front, back = ''] = text.split('::');
  const gap = 8 - groups(front).length - groups(back).length;
  return number16(...groups(front), ...Array(gap).fill(0), ...groups(back));
}

function dataOf(type, text) {
  if (type === 'A') return Buffer.from(text.split('.').map(Number));
  if (type === 'AAAA') return ipv6Bytes(text);
  if (type === 'CNAME') return labels(text);
  const [priority, weight, port, target] = text.split(' ');
  return Buffer.concat([number16(Number(priority), Number(weight), Number(port)), labels(target)]);
}

const record = (name, type, ttl, data) => Buffer.concat([labels(name),
  number16(typeOf[type], 1, Math.floor(ttl / 65536), ttl % 65536, data.length), data]);

const canonical = (name) => name.toLowerCase().replace(/\.$/, '');

// { id, name, type, edns, section }, null for what is no query.
function readQuery(packet) {
  try {
    if ((packet[2] & 0x80) !== 0 || packet.readUInt16BE(4) !== 1) return null;
    const parts = [];
    let at = 12;
    for (let size; (size = packet.readUInt8(at)) !== 0; at += 1 + size)
      parts.push(packet.toString('latin1', at + 1, at + 1 + size));
    const type = packet.readUInt16BE(at + 1);
    const section = packet.subarray(12, at + 5);
    return { id: packet.readUInt16BE(0), name: canonical(parts.join('.')),
      type: nameOfType[type] ?? String(type), edns: packet.readUInt16BE(10) > 0, section };
  } catch {
    return null;
  }
}

class DnsServer {
  constructor(ip, port) {
    this.ip = ip;
    this.port = port;
    this.records = new Map();   // 'A api.test': { texts, ttl }
    this.failures = new Map();  // 'api.test': 'SERVFAIL'
    this.queries = [];          // { name, type, transport, time }
    this.silent = false;        // no answers
    this.truncating = false;    // over UDP
    this.delay = 0;             // of every answer, in milliseconds
    this.negativeTtl = null;    // in seconds; NXDOMAIN and empty answers have a SOA record then
    this.sockets = new Set();
  }

  get address() { return `${this.ip}:${this.port}`; }

  // `records` as text: '192.0.2.1', '2001:db8::1', 'other.test', '10 5 8080 host.test' (priority,
  // weight, port, target).
  set(name, type, records, ttl = 1) {
    this.records.set(`${type} ${canonical(name)}`, { texts: [records].flat(), ttl });
  }

  // Until clear() of that name.
  fail(name, code) { this.failures.set(canonical(name), code); }
  clear(name) { this.failures.delete(canonical(name)); }

  remove(name) {
    for (const type of Object.keys(typeOf)) this.records.delete(`${type} ${canonical(name)}`);
    this.clear(name);
  }

  count(name, type) {
    return this.queries.filter((query) => query.name === canonical(name)
      && (type === undefined || query.type === type)).length;
  }

  // Aliases are followed, and the code is that of the last name.
  find(query) {
    const answers = [];
    let name = query.name;
    for (let i = 0; i < 20; ++i) {
      if (this.failures.has(name)) return { answers, code: codeOf[this.failures.get(name)] };
      const add = (type) => {
        const { texts, ttl } = this.records.get(`${type} ${name}`) ?? { texts: [] };
        answers.push(...texts.map((text) => record(name, type, ttl, dataOf(type, text))));
        return texts[0];
      };
      if (add(query.type) !== undefined) return { answers, code: 0 };
      const target = add('CNAME');
      if (target === undefined) break;
      name = canonical(target);
    }
    const known = Object.keys(typeOf).some((type) => this.records.has(`${type} ${name}`));
    return { answers, code: known ? 0 : codeOf.NXDOMAIN, negative: true };
  }

  answer(query, transport) {
    const { answers, code, negative } = this.find(query);
    const truncated = transport === 'udp'
      && (this.truncating || answers.reduce((sum, { length }) => sum + length, 0) > 400);
    const shown = truncated ? [] : answers;
    const authority = negative && this.negativeTtl !== null && !truncated
      ? [record('test', 'SOA', this.negativeTtl, Buffer.concat([labels('ns.test'),
        labels('hostmaster.test'), number16(0, 1, 0, 3600, 0, 600, 1, 0, 0, this.negativeTtl)]))]
      : [];
    const opt = Buffer.concat([Buffer.from([0]), number16(typeOf.OPT, 1232, 0, 0, 0)]);
    return Buffer.concat([
      number16(query.id, 0x8180 | (truncated ? 0x0200 : 0) | code,
        1, shown.length, authority.length, query.edns ? 1 : 0),
      query.section, ...shown, ...authority, ...(query.edns ? [opt] : []),
    ]);
  }

  onPacket(packet, transport, send) {
    const query = readQuery(packet);
    if (query === null) return;
    this.queries.push({ name: query.name, type: query.type, transport, time: Date.now() });
    if (this.silent) return;
    const bytes = this.answer(query, transport);
    if (this.delay > 0) setTimeout(() => send(bytes), this.delay);
    else send(bytes);
  }

  onConnection(socket) {
    let received = Buffer.alloc(0);
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        this.onPacket(received.subarray(2, end), 'tcp', (bytes) => {
          if (!socket.destroyed) socket.write(Buffer.concat([number16(bytes.length), bytes]));
        });
        received = received.subarray(end);
      }
    });
  }

  // Again on its port. The first time it may be taken at that address.
  async start() {
    for (let tries = 20; ; --tries) {
      try {
        const port = this.port ?? await freePort();
        await this.listen(port);
        this.port = port;
        return;
      } catch (error) {
        await this.stop();
        if (tries === 1) throw error;
        await sleep(20);
      }
    }
  }

  async listen(port) {
    const listening = (socket, begin) => new Promise((done, failed) => {
      socket.once('error', failed);
      begin(() => {
        socket.off('error', failed);
        socket.on('error', () => {});  // a client that has gone
        done();
      });
    });
    const udp = dgram.createSocket('udp4');
    this.udp = udp;
    await listening(udp, (done) => udp.bind(port, this.ip, done));
    udp.on('message', (packet, from) => this.onPacket(packet, 'udp', (bytes) => {
      if (this.udp === udp) udp.send(bytes, from.port, from.address);
    }));
    this.tcp = net.createServer((socket) => this.onConnection(socket));
    await listening(this.tcp, (done) => this.tcp.listen({ port, host: this.ip }, done));
  }

  // As if it were killed: the port is closed.
  async stop() {
    const { udp, tcp } = this;
    this.udp = this.tcp = undefined;
    if (udp !== undefined) await new Promise((done) => udp.close(done));
    if (!tcp?.listening) return;
    const closed = new Promise((done) => tcp.close(done));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

export async function startDnsServer(t, { ip = '127.0.0.1', port } = {}) {
  const server = new DnsServer(ip, port);
  atEnd(t, () => server.stop());
  await server.start();
  return server;
}
