// Certificates for tests, made by the openssl command into a temporary folder. A set is made once
// for a file of tests: hand makeCa() the `t` of a suite, or what `before` has.
//
//   const ca = makeCa(t);
//   const leaf = ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] });
//   leaf.cert, leaf.key       the certificate and its key, PEM
//   leaf.chainFile            the certificate and its intermediates
//   ca.file                   the root, for who verifies

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { tempDir } from './harness.mjs';

const day = 24 * 3600 * 1000;
export const daysFromNow = (days) => new Date(Date.now() + days * day);

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

// YYYYMMDDHHMMSSZ
const asn1Time = (date) => `${date.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;

const keyArgs = {
  p256: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
};

function ipBytes(ip) {
  if (net.isIPv4(ip)) return ip.split('.').map(Number);
  const [head, tail = ''] = ip.split('::').map((half) => half.split(':').filter((x) => x !== ''));
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

// As DER, because openssl's own syntax has no NUL and no comma in a name.
function subjectAltName(names, ips) {
  const short = (tag, bytes) => [tag, ...(bytes.length < 128 ? [bytes.length]
    : [0x82, bytes.length >> 8, bytes.length & 255]), ...bytes];
  const entries = [...names.map((name) => short(0x82, [...Buffer.from(name, 'latin1')])),
    ...ips.map((ip) => short(0x87, ipBytes(ip)))];
  return `subjectAltName = DER:${Buffer.from(short(0x30, entries.flat())).toString('hex')}`;
}

const config = (folder) => `
[ca]
default_ca = this
[this]
database = ${folder}/index.txt
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
default_crl_days = 30
unique_subject = no
policy = any
crl_extensions = crl
[any]
commonName = optional
[crl]
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
`;

const caExtensions = `basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash`;

class Certificate {
  constructor(cert, key, issuer) {
    Object.assign(this, { cert, key, issuer, chainFile: cert });
  }
}

class Ca {
  constructor(folder, file, keyFile) {
    Object.assign(this, { folder, file, keyFile });
    this.config = path.join(folder, 'ca.cnf');
    this.issued = 0;
    this.intermediates = [];
    fs.writeFileSync(this.config, config(folder));
    fs.writeFileSync(path.join(folder, 'index.txt'), '');
  }

  // names, ips    what it is a certificate for (SAN); the first of them is its common name too
  // key           'p256' or 'rsa'
  // from, until   a Date each: the day before yesterday, and in a year
  // usage         serverAuth, clientAuth, or both (the default)
  // ca            true: a certificate for a CA; intermediate() makes one that issues in turn
  // chain         how many new intermediates stand between this CA and the certificate
  issue(options = {}) {
    const { names = [], ips = [], key = 'p256', ca = false, chain = 0 } = options;
    if (chain > 0) return this.intermediate().issue({ ...options, chain: chain - 1 });
    const at = path.join(this.folder, `${++this.issued}`);
    const leaf = new Certificate(`${at}.pem`, `${at}.key`, this);
    const name = (options.name ?? names[0] ?? ips[0] ?? 'nameless').replaceAll('\0', '?');
    const san = names.length + ips.length > 0 ? subjectAltName(names, ips) : '';
    fs.writeFileSync(`${at}.ext`, ca ? caExtensions : `
keyUsage = critical, digitalSignature
extendedKeyUsage = ${options.usage ?? 'serverAuth, clientAuth'}
authorityKeyIdentifier = keyid
${san}`);
    openssl('req', '-new', '-nodes', '-batch', '-config', this.config, ...keyArgs[key],
      '-subj', `/CN=${name}`, '-keyout', leaf.key, '-out', `${at}.csr`);
    this.run('-in', `${at}.csr`, '-out', leaf.cert, '-extfile', `${at}.ext`, '-notext',
      '-startdate', asn1Time(options.from ?? daysFromNow(-2)),
      '-enddate', asn1Time(options.until ?? daysFromNow(365)));
    if (this.chain !== undefined) {
      leaf.chainFile = `${at}.chain.pem`;
      fs.writeFileSync(leaf.chainFile, fs.readFileSync(leaf.cert) + this.chain);
    }
    return leaf;
  }

  // A CA between this one and the leaves. `chain` is what goes behind a certificate of its own.
  intermediate(options = {}) {
    const name = `${this.intermediates.length + 1} below`;
    const leaf = this.issue({ name, ...options, ca: true });
    const folder = `${leaf.cert}.d`;
    fs.mkdirSync(folder);
    const ca = new Ca(folder, leaf.cert, leaf.key);
    ca.chain = fs.readFileSync(leaf.chainFile, 'utf8');
    ca.certificate = leaf;
    this.intermediates.push(ca);
    return ca;
  }

  revoke(leaf) { leaf.issuer.run('-revoke', leaf.cert); }

  // A new file with this CA's list and those of all the intermediates below it.
  crl() {
    const file = path.join(this.folder, `${++this.issued}.crl`);
    this.run('-gencrl', '-out', file);
    for (const ca of this.intermediates) fs.appendFileSync(file, fs.readFileSync(ca.crl()));
    return file;
  }

  // The same key, encrypted. The password file ends in a newline, as editors leave it.
  encryptKey(leaf, pass) {
    const at = `${leaf.key}.${++this.issued}`;
    const key = `${at}.encrypted`;
    const passwordFile = `${at}.password`;
    fs.writeFileSync(passwordFile, `${pass}\n`, { mode: 0o600 });
    openssl('pkey', '-in', leaf.key, '-aes256', '-passout', `file:${passwordFile}`, '-out', key);
    return { key, passwordFile };
  }

  // An OCSP response for stapling, by the issuer itself: good, or revoked after revoke().
  ocsp(leaf, days = 7) {
    const { file, keyFile, folder } = leaf.issuer;
    const response = `${leaf.cert}.${++this.issued}.ocsp`;
    openssl('ocsp', '-index', path.join(folder, 'index.txt'), '-CA', file, '-rsigner', file,
      '-rkey', keyFile, '-issuer', file, '-cert', leaf.cert, '-ndays', `${days}`,
      '-respout', response, '-noverify');
    return response;
  }

  run(...args) {
    return openssl('ca', '-batch', '-config', this.config, '-cert', this.file,
      '-keyfile', this.keyFile, ...args);
  }
}

function selfSignedFiles(folder, name, extensions, key = 'p256') {
  const file = path.join(folder, 'self.pem');
  const keyFile = path.join(folder, 'self.key');
  const cnf = path.join(folder, 'self.cnf');
  fs.writeFileSync(cnf,
    `[req]\ndistinguished_name = dn\nx509_extensions = x\n[dn]\n[x]\n${extensions}`);
  openssl('req', '-x509', '-nodes', '-batch', '-config', cnf, ...keyArgs[key], '-days', '365',
    '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', file);
  return [file, keyFile];
}

export function makeCa(t, { name = 'oxbow test CA' } = {}) {
  const folder = tempDir(t);
  return new Ca(folder, ...selfSignedFiles(folder, name, caExtensions));
}

// A leaf that nobody has signed but itself.
export function selfSigned(t, { names = [], ips = [], key } = {}) {
  const name = names[0] ?? ips[0];
  return new Certificate(...selfSignedFiles(tempDir(t), name, subjectAltName(names, ips), key));
}
