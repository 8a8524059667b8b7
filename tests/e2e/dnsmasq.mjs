// Debian's dnsmasq as a resolver that knows the names of a test and nobody else: it has no upstream
// servers, reads nothing of the system's configuration, and lives in a temporary folder.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { Process, atEnd, freePort, sleep, tempDir, until } from './harness.mjs';

const answers = (ip, port) => new Promise((done) => {
  const socket = net.connect(port, ip);
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

// { 'api.test': ['127.0.0.1', '::1'] }
const hostsFile = (hosts) => Object.entries(hosts)
  .flatMap(([name, addresses]) => [addresses].flat().map((address) => `${address} ${name}\n`))
  .join('');

// { '_http._tcp.api.test': ['10 1 8080 one.test'] }: priority, weight, port and target.
const serviceLines = (services) => Object.entries(services).flatMap(([name, records]) =>
  records.map((record) => {
    const [priority, weight, port, target] = record.split(' ');
    return `srv-host=${name},${target},${port},${priority},${weight}`;
  })).join('\n');

// The names below `test` that it does not know are NXDOMAIN.
const config = ({ dir, ip, port, ttl, services }) => `
port=${port}
listen-address=${ip}
bind-interfaces
no-resolv
no-hosts
no-poll
local=/test/
local-ttl=${ttl}
addn-hosts=${dir}/hosts
log-queries
log-facility=-
user=${process.getuid() === 0 ? 'root' : ''}
${serviceLines(services)}
`;

class Dnsmasq {
  constructor(dir, { ip = '127.0.0.1', port, ttl = 1, hosts = {}, services = {} }) {
    Object.assign(this, { dir, ip, port, ttl, hosts, services });
    this.log = '';
  }

  get address() { return `${this.ip}:${this.port}`; }

  // Again on its port, with what it is told to answer.
  async start() {
    const given = this.port !== undefined;
    for (let tries = given ? 20 : 3; ; --tries) {
      const port = this.port ?? await freePort();
      const file = path.join(this.dir, 'dnsmasq.conf');
      fs.writeFileSync(path.join(this.dir, 'hosts'), hostsFile(this.hosts));
      fs.writeFileSync(file, config({ ...this, port }));
      this.process = new Process('dnsmasq', ['--keep-in-foreground', '--pid-file', `-C${file}`]);
      const up = await until(10000, 'dnsmasq', async () =>
        !this.process.running ? 'ended' : (await answers(this.ip, port)) && 'up');
      if (up === 'up' && this.process.running) {
        this.port = port;
        await this.hostsRead(1);
        return;
      }
      // A port of before may be somebody else's for a moment.
      assert.ok(tries > 1, `dnsmasq ended:\n${this.process.stderr}`);
      await sleep(50);
    }
  }

  // It has read the hosts for the `count`th time.
  hostsRead(count) {
    const line = `read ${this.dir}/hosts`;
    return until(5000, 'the hosts of dnsmasq', () =>
      this.process.stderr.split(line).length - 1 >= count);
  }

  // Other hosts than before, while it runs.
  async setHosts(hosts) {
    this.hosts = hosts;
    if (!this.process.running) return;
    const times = this.process.stderr.split(`read ${this.dir}/hosts`).length - 1;
    fs.writeFileSync(path.join(this.dir, 'hosts'), hostsFile(hosts));
    this.process.signal('SIGHUP');
    await this.hostsRead(times + 1);
  }

  // Services are read at its start only.
  async setServices(services) {
    this.services = services;
    if (!this.process.running) return;
    await this.kill();
    await this.start();
  }

  // Its port is closed then, and nobody answers.
  async kill() {
    if (!this.process?.running) return;
    this.process.signal('SIGKILL');
    await this.process.finish(10000);
    this.log += this.process.stderr;
  }

  // How often it was asked for a name, since its first start; `type` is A, AAAA or SRV.
  asked(name, type = '\\w+') {
    const log = this.log + (this.process.running ? this.process.stderr : '');
    const lines = new RegExp(`query\\[${type}\\] ${name.replaceAll('.', '\\.')} `, 'g');
    return (log.match(lines) ?? []).length;
  }
}

// `ip` is any of loopback, `port` the kernel's choice unless it is told; `ttl` is of every answer.
export async function startDnsmasq(t, options = {}) {
  const dnsmasq = new Dnsmasq(tempDir(t), options);
  atEnd(t, () => dnsmasq.kill());
  await dnsmasq.start();
  return dnsmasq;
}

// An address of loopback that nobody else is likely to have, for a server that must be at port 53,
// since resolv.conf names no port. To listen there takes root, or CAP_NET_BIND_SERVICE.
export function loopbackIp() {
  const byte = () => 1 + Math.floor(Math.random() * 254);
  return `127.${byte()}.${byte()}.${byte()}`;
}
