// An origin that keeps a ledger. As a program: node ledger_origin.mjs PORT LEDGER. Each request
// says how it is to be answered:
//   X-Nonce, X-Size     of the request
//   X-Want, X-Framing   the size of the response, and `length` or `chunked`
//   X-Fault             early     the answer comes ahead of the request's body
//                       slow      it comes in pieces
//                       reset     RST in the middle
//                       truncate  FIN in the middle
//                       drop      FIN instead of an answer
//                       close     FIN right behind the answer

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { OriginLedger, PatternReader, requestPattern, responsePattern } from './ledger.mjs';

const kPiece = 64 * 1024;

// False when the connection has ended.
const written = (response, bytes) => new Promise((done) => {
  const over = () => done(false);
  response.once('close', over);
  response.write(bytes, (error) => {
    response.off('close', over);
    done(!error);
  });
});

async function sendBody(response, nonce, size, pauses) {
  const pattern = responsePattern(nonce);
  const piece = pauses ? Math.max(1, Math.ceil(size / 6)) : kPiece;
  for (let left = size; left > 0;) {
    const bytes = pattern.next(Math.min(left, piece, kPiece));
    left -= bytes.length;
    if (!await written(response, bytes)) return false;
    if (pauses && left % piece === 0) await sleep(50 + Math.random() * 100);
  }
  return true;
}

async function answer(request, response) {
  const { socket } = request;
  const { 'x-nonce': nonce, 'x-fault': fault } = request.headers;
  const want = Number(request.headers['x-want']);
  if (fault === 'drop') return socket.destroySoon();
  if (fault === 'reset' && want < 2) return socket.resetAndDestroy();
  response.setHeader('X-Nonce', nonce);
  response.setHeader('Connection', 'keep-alive');  // or Node would tell its timeout too
  if (request.headers['x-framing'] === 'length' || request.method === 'HEAD')
    response.setHeader('Content-Length', want);
  if (request.method === 'HEAD') return response.end();
  const cut = fault === 'reset' || (fault === 'truncate' && want > 1);
  if (cut) response.flushHeaders();
  if (!await sendBody(response, nonce, cut ? want >> 1 : want, fault === 'slow')) return;
  if (fault === 'reset') return socket.resetAndDestroy();
  if (cut) return socket.destroySoon();
  response.end(() => {
    if (fault === 'close') setTimeout(() => socket.destroySoon(), Math.random() * 3);
  });
}

function serve(ledger, request, response) {
  const { 'x-nonce': nonce, 'x-fault': fault } = request.headers;
  ledger.begun(nonce, request.method);
  const body = new PatternReader(requestPattern(nonce));
  const size = Number(request.headers['x-size']);
  response.on('error', () => {});
  request.on('error', () => {});
  request.on('data', (bytes) => body.take(bytes));
  request.on('end', () => {
    ledger.received(nonce, body.right && body.size === size);
    if (fault !== 'early') answer(request, response);
  });
  if (fault === 'early') answer(request, response);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, file] = process.argv.slice(2);
  const ledger = new OriginLedger(file);
  const server = http.createServer((request, response) => serve(ledger, request, response));
  server.keepAliveTimeout = 700;
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 },
    () => console.log(server.address().port));
}
