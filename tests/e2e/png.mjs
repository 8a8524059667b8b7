// Pictures, taken apart: what a screenshot shows at all.

import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';

const SIGNATURE = '89504e470d0a1a0a';

function chunksOf(file) {
  assert.equal(file.subarray(0, 8).toString('hex'), SIGNATURE);
  const chunks = [];
  for (let at = 8; at < file.length;) {
    const size = file.readUInt32BE(at);
    chunks.push({ type: file.toString('latin1', at + 4, at + 8),
      data: file.subarray(at + 8, at + 8 + size) });
    at += size + 12;
  }
  return chunks;
}

// The predictor of filter 4 (PNG, section 9.4).
function paeth(left, above, corner) {
  const guess = left + above - corner;
  const a = Math.abs(guess - left), b = Math.abs(guess - above), c = Math.abs(guess - corner);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

// What each filter adds to a byte: of its neighbours to the left, above and in the corner.
const FILTERS = [() => 0, (left) => left, (left, above) => above,
  (left, above) => (left + above) >> 1, paeth];

function unfilter(filter, row, before, width) {
  const guess = FILTERS[filter];
  if (filter === 0) return;
  for (let i = 0; i < row.length; ++i) {
    const isFirst = i < width;
    row[i] += guess(isFirst ? 0 : row[i - width], before[i], isFirst ? 0 : before[i - width]);
  }
}

// Width, height, and the colour 0xRRGGBB at a place. Of 8 bits, RGB or RGBA, not interlaced.
export function decodePng(file) {
  const chunks = chunksOf(file);
  const header = chunks[0].data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([header[8], header[12]], [8, 0]);
  const bytes = { 2: 3, 6: 4 }[header[9]];
  assert.ok(bytes, `colour type ${header[9]}`);
  const data = inflateSync(Buffer.concat(
    chunks.filter(({ type }) => type === 'IDAT').map((chunk) => chunk.data)));
  const size = width * bytes;
  const rows = [];
  let before = new Uint8Array(size);
  for (let y = 0; y < height; ++y) {
    const at = y * (size + 1);
    const row = new Uint8Array(data.subarray(at + 1, at + 1 + size));
    unfilter(data[at], row, before, bytes);
    rows.push(row);
    before = row;
  }
  const at = (x, y) => {
    const row = rows[y], i = x * bytes;
    return row[i] << 16 | row[i + 1] << 8 | row[i + 2];
  };
  return { width, height, at };
}

// How many of its pixels have each colour.
export function coloursOf({ width, height, at }) {
  const colours = new Map();
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) colours.set(at(x, y), (colours.get(at(x, y)) ?? 0) + 1);
  return colours;
}
