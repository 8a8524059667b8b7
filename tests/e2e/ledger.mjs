// What clients and origins noted of the same requests, and what must hold between the two.
//
// Each request has a nonce. Its fields carry it, and both bodies are key streams made of it, so
// that a byte that is missing, added, changed or somebody else's is seen. An origin appends to its
// ledger before it does anything else; a kill does not take back what was written.

import { createCipheriv, createHash } from 'node:crypto';
import fs from 'node:fs';

const kZeros = Buffer.alloc(64 * 1024);

// The bytes that belong to a key, in pieces.
export class Pattern {
  constructor(key) {
    const bytes = createHash('sha256').update(key).digest();
    this.cipher = createCipheriv('aes-128-ctr', bytes.subarray(0, 16), bytes.subarray(16));
  }

  // REQUIRES: at most 64 KiB.
  next(size) { return this.cipher.update(kZeros.subarray(0, size)); }
}

export const requestPattern = (nonce) => new Pattern(`${nonce} request`);
export const responsePattern = (nonce) => new Pattern(`${nonce} response`);

// How much has come, and whether all of it was right.
export class PatternReader {
  constructor(pattern) {
    this.pattern = pattern;
    this.size = 0;
    this.right = true;
  }

  take(bytes) {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + kZeros.length);
      if (!this.pattern.next(piece.length).equals(piece)) this.right = false;
      at += piece.length;
    }
    this.size += bytes.length;
  }
}

// The origin's side -------------------------------------------------------------------------------

// Several processes, one after the other or side by side, may write one file: a line is one write.
export class OriginLedger {
  constructor(file) { this.fd = fs.openSync(file, 'a'); }

  begun(nonce, method) { fs.writeSync(this.fd, `begun ${nonce} ${method}\n`); }
  // The body came to what the origin takes for its end.
  received(nonce, whole) { fs.writeSync(this.fd, `${whole ? 'whole' : 'wrong'} ${nonce}\n`); }
}

// { begun, whole, wrong }: how often each nonce was seen so.
export function readOrigins(file) {
  const seen = { begun: new Map(), whole: new Map(), wrong: new Map() };
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const [what, nonce] = line.split(' ');
    seen[what].set(nonce, (seen[what].get(nonce) ?? 0) + 1);
  }
  return seen;
}

// The rules ---------------------------------------------------------------------------------------

// What a client notes of a request:
//   nonce, method, repeatable    whether it may be sent to an origin again (once)
//   want                         the size of the body that it asked for
//   early                        the origin was told to answer ahead of the request's body
//   sends                        the size of its own body
//   cuttable                     the way to the proxy may be cut
//   outcome                      complete: the response came to its proper end
//                                cut: it began and ended before that
//                                failed: the connection ended without a response
//                                left: the client went away by itself
//                                hung: nothing of these within the deadline
//   status, nonceBack, proxyStatus, length     of the response, as far as there was one
//   size, right                  of the response's body: what came, and whether it is the nonce's
const kOfProxy = [502, 503, 504];

// A proxy that answers ahead of the body's end reads on for a while, so that the client finds the
// answer before the connection ends. That has a bound, and behind it the answer may be lost.
const kLinger = 256 * 1024;

function ruleOfAnswer(request) {
  const { outcome, status, method, want } = request;
  if (outcome === 'hung') return 'in time';
  if (outcome === 'failed' && !request.cuttable && request.sends <= kLinger) return 'answered';
  if (status === undefined) return null;
  if (status !== 200) {
    const own = kOfProxy.includes(status) && request.nonceBack === undefined
      && request.proxyStatus?.startsWith('oxbow; error=');
    return own ? null : 'own answer';
  }
  if (request.nonceBack !== request.nonce) return 'own answer';
  if (!request.right) return 'own body';
  if (outcome !== 'complete') return null;
  if (method === 'HEAD') return request.size === 0 && request.length === want ? null : 'whole';
  return request.size === want ? null : 'whole';
}

// The requests against what the origins saw. Gives what breaks a rule, { rule, request }:
//   own answer    a response is the answer to its own request, or an error of the proxy
//   own body      no byte of it is another's
//   whole         what ends properly is all there
//   in time       each request ends
//   answered      a connection does not just end when a response is due
//   once          no origin sees a second time what must not be sent again; the rest twice at most
//   reached       what was answered with 200 reached an origin, with all of its body
//   upload        a body that the client did not finish has no proper end at the origin
export function check(requests, origins) {
  const broken = [];
  for (const request of requests) {
    const { nonce } = request;
    const breaks = (rule) => broken.push({ rule, request });
    const answer = ruleOfAnswer(request);
    if (answer !== null) breaks(answer);
    const times = origins.begun.get(nonce) ?? 0;
    if (times > (request.repeatable ? 2 : 1)) breaks('once');
    if (request.outcome === 'complete' && request.status === 200) {
      const arrived = request.early ? origins.begun : origins.whole;
      if (!arrived.has(nonce)) breaks('reached');
    }
    if (origins.wrong.has(nonce)) breaks('upload');
  }
  return broken;
}

// The process -------------------------------------------------------------------------------------

export const descriptorsOf = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

// In KiB.
export const memoryOf = (pid) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// What it holds now. REQUIRES: it is alive.
export const sample = (pid) => ({ descriptors: descriptorsOf(pid), memory: memoryOf(pid) });

const kComplaints = /assertion failed|AddressSanitizer|ThreadSanitizer|runtime error:/;

// `process` is a Process of the harness that has been under load since `before` was sampled, and
// has been idle for a while. `growth` is in KiB. Gives the rules that it breaks: alive, log,
// descriptors, memory.
export function checkProcess(process, before, { growth }) {
  const broken = [];
  if (kComplaints.test(process.stderr)) broken.push('log');
  if (!process.running) return [...broken, 'alive'];
  const now = sample(process.pid);
  if (now.descriptors > before.descriptors) broken.push('descriptors');
  if (now.memory > before.memory + growth) broken.push('memory');
  return broken;
}
