// A small HTTP relay with faults to switch on, to see that the ledgers' rules find each of them. As
// a program: node broken_relay.mjs PORT ORIGIN FAULT, with the origin's port. It holds each message
// whole before it passes it on.
//   none          it does what a relay should
//   swap          two clients get each other's answer
//   flip          a byte of a body is another
//   pad           a body that was cut off is filled up
//   shorten       a body ends early, in a proper way
//   hang          a request is never answered
//   drop          a connection is closed instead of an answer
//   replay        each POST is sent twice
//   invent        answers that no origin gave
//   finish        an upload that the client broke off is passed on as a whole one
//   descriptors   some are left open
//   memory        all that was received is kept
//   complain      it says that an assertion failed
//   die           it ends

import fs from 'node:fs';
import http from 'node:http';

import { responsePattern } from './ledger.mjs';

const [port, origin, fault] = process.argv.slice(2);
const kept = [];
let count = 0;
let held = null;  // an answer that waits for another to be swapped with

const hop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);
const endToEnd = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hop.has(name)));

// { body, complete }
const collect = (message) => new Promise((done) => {
  const pieces = [];
  message.on('data', (piece) => pieces.push(piece));
  message.on('error', () => {});
  message.on('close', () => done({ body: Buffer.concat(pieces), complete: message.complete }));
});

// { status, headers, body, complete, length }; nothing when the origin gave no answer.
const send = (request, body) => new Promise((done) => {
  const headers = endToEnd(request.headers);
  if (!['GET', 'HEAD', 'DELETE'].includes(request.method)) headers['content-length'] = body.length;
  const options = { host: '127.0.0.1', port: origin, agent: false };
  const { method, url: path } = request;
  const forward = http.request({ ...options, method, path, headers }, async (response) => {
    const { body: answer, complete } = await collect(response);
    const length = response.headers['content-length'];
    done({ status: response.statusCode, headers: endToEnd(response.headers), body: answer,
      complete, length: length === undefined ? undefined : Number(length) });
  });
  forward.on('error', () => done());
  forward.end(body);
});

const badGateway = { status: 502, headers: { 'proxy-status': 'oxbow; error=connection_terminated' },
  body: Buffer.alloc(0), complete: true };

function pass(request, response, answer) {
  const { status, headers, body, complete, length } = answer;
  response.on('error', () => {});
  const whole = length ?? body.length;
  if (request.method === 'HEAD' || complete) {
    response.writeHead(status, { ...headers, 'content-length': whole });
    return response.end(body);
  }
  const framing = length === undefined ? {} : { 'content-length': whole };
  response.writeHead(status, { ...headers, ...framing });
  response.write(body, () => response.destroy());
}

function invented(request) {
  const { 'x-nonce': nonce, 'x-want': want } = request.headers;
  const size = Math.min(Number(want), 65536);
  return { status: 200, headers: { 'x-nonce': nonce }, complete: true, length: Number(want),
    body: request.method === 'HEAD' ? Buffer.alloc(0) : responsePattern(nonce).next(size) };
}

function spoil(answer, request) {
  const nth = ++count % 5 === 0;
  if (fault === 'complain' && nth) console.error('oxbow: assertion failed: true (relay.cc:1)');
  if (fault === 'die' && count > 50) process.exit(3);
  if (fault === 'descriptors' && nth) fs.openSync('/dev/null');
  if (fault === 'memory') kept.push(Buffer.alloc(2 ** 20, 1));
  if (fault === 'flip' && nth && answer.body.length > 0) answer.body[answer.body.length >> 1] ^= 1;
  if (fault === 'shorten' && nth && answer.complete && request.method !== 'HEAD') {
    answer.body = answer.body.subarray(0, answer.body.length >> 1);
    answer.length = undefined;
  }
  if (fault === 'pad' && !answer.complete) {
    const missing = answer.length === undefined ? 100 : answer.length - answer.body.length;
    answer.body = Buffer.concat([answer.body, Buffer.alloc(missing)]);
    answer.complete = true;
  }
}

async function relay(request, response) {
  const { body, complete } = await collect(request);
  if (!complete && fault !== 'finish') return;
  if (fault === 'hang' && ++count % 50 === 0) return;
  if (fault === 'drop' && ++count % 50 === 0) return request.socket.destroy();
  if (fault === 'invent' && ++count % 10 === 0 && Number(request.headers['x-want']) <= 65536)
    return pass(request, response, invented(request));
  if (fault === 'replay' && request.method === 'POST') await send(request, body);
  const answer = await send(request, body) ?? { ...badGateway };
  spoil(answer, request);
  if (fault === 'swap' && answer.status === 200 && (held !== null || ++count % 5 === 0)) {
    if (held === null) {
      held = { request, response, answer };
      return;
    }
    pass(held.request, held.response, answer);
    pass(request, response, held.answer);
    held = null;
    return;
  }
  pass(request, response, answer);
}

const server = http.createServer(relay);
server.keepAliveTimeout = 0;
server.listen({ port: Number(port), host: '127.0.0.1' }, () => console.log(server.address().port));
