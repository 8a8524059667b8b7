// The dashboard, as a browser shows it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { openPage } from './chromium.mjs';
import { atEnd, curl, freePort, proxyTo, startOxbow, tempDir, until } from './harness.mjs';
import { startOrigin } from './origin.mjs';
import { coloursOf, decodePng } from './png.mjs';

const top = 'admin: { listen: 127.0.0.1:0 }';
const evil = '<img src=x onerror=window.pwned=1>';

const api = async (oxbow, name) => JSON.parse((await curl([`${oxbow.adminUrl}/api/${name}`])).text);

// The rule that the page states at its foot.
function three(value) {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

function written(member, value) {
  if (value === null || value === undefined) return '\u2013';
  if (member.endsWith('_ratio')) return `${(value * 100).toFixed(1)}\u00a0%`;
  if (member.includes('_ms.')) return `${three(value)}\u00a0ms`;
  if (member.endsWith('_s')) return `${three(value)}\u00a0s`;
  if (/^max_(total_)?conns$/.test(member) && value === 0) return 'none';
  return String(value);
}

const valueAt = (object, member) =>
  member.split('.').reduce((value, name) => value?.[name] ?? null, object);

// What the page shows of upstreams: each field with where it stands.
const fieldsOf = (page) => page.evaluate(`
  [...document.querySelectorAll('[data-upstream] [data-path]')].map((field) => ({
    upstream: field.closest('[data-upstream]').dataset.upstream,
    endpoint: field.closest('[data-endpoint]')?.dataset.endpoint ?? null,
    path: field.dataset.path, value: field.dataset.value, text: field.textContent }))`);

// The fields that differ from the answer of /api/upstreams.
function differences(fields, { upstreams }) {
  return fields.filter(({ upstream, endpoint, path: member, value, text }) => {
    let told = upstreams.find(({ name }) => name === upstream);
    if (endpoint !== null) told = told.endpoints.find(({ address }) => address === endpoint);
    const expected = valueAt(told, member);
    const exact = expected === null ? '' : String(expected);
    return value !== exact || text !== written(member, expected);
  });
}

async function ask(oxbow, count, lanes = 4) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });
  await Promise.all(Array.from({ length: count }, (_, i) => new Promise((done, failed) => {
    http.get(`${oxbow.url}/${i}?secret=1`, { agent }, (response) => {
      response.resume();
      response.on('end', done);
    }).on('error', failed);
  })));
  agent.destroy();
}

async function openDashboard(t, oxbow) {
  const page = await openPage(t);
  await page.open(`${oxbow.adminUrl}/`);
  await page.waitFor("document.documentElement.dataset.state === 'live'");
  return page;
}

const waitForCount = (page, count) => page.waitFor(
  `document.querySelector('[data-path="requests.2xx"]').textContent === '${count}'`);

const assertQuiet = (page) => assert.deepEqual(page.complaints, []);

test('its numbers are those of /api/upstreams', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.statusCode = request.url.startsWith('/7') ? 500 : 200;
    setTimeout(() => response.end('ok'), 3);
  });
  const oxbow = await startOxbow(t, proxyTo(`localhost:${origin.address.split(':')[1]}`, {
    top, upstream: 'max_conns: 8\nkeepalive: 2',
  }));
  const page = await openDashboard(t, oxbow);
  await ask(oxbow, 400, 6);
  // Percentiles may be of a time that passes: both are looked at until they agree.
  let wrong, fields;
  await until(60000, 'the page tells what /api/upstreams does', async () => {
    fields = await fieldsOf(page);
    const told = await api(oxbow, 'upstreams');
    wrong = differences(fields, told);
    const counted = fields.find(({ path: member }) => member === 'requests.2xx').value;
    return wrong.length === 0 && counted === String(told.upstreams[0].requests['2xx']) &&
      told.upstreams[0].requests['5xx'] > 0;
  }).catch((error) => {
    error.message += `\n${JSON.stringify(wrong, null, 1)}`;
    throw error;
  });
  assert.ok(fields.length > 40, `${fields.length} fields`);
  for (const member of ['active', 'idle', 'connecting', 'max_conns', 'reuse_ratio', 'queue.waiting',
    'wait_ms.p99', 'closed.total', 'learned_idle_s', 'requests.5xx'])
    assert.ok(fields.some((field) => field.path === member), member);

  const { upstreams: [{ endpoints }] } = await api(oxbow, 'upstreams');
  const sums = await page.evaluate(`[...document.querySelectorAll('[data-sum]')]
    .map((each) => [each.dataset.sum.split('.')[1], Number(each.textContent)])`);
  assert.ok(sums.length > 0, 'closes by reason');
  for (const [reason, count] of sums)
    assert.equal(count, endpoints.reduce((sum, { closed }) => sum + (closed[reason] ?? 0), 0));

  const { names: [name] } = await api(oxbow, 'dns');
  const row = await page.textOf('[data-name]');
  assert.ok(row.includes(name.name) && row.includes('fresh'), row);
  for (const address of name.addresses) assert.ok(row.includes(address), row);
  assertQuiet(page);
});

test('sparklines go on, and say what they show', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const page = await openDashboard(t, oxbow);
  await until(60000, 'a rate', async () => {
    await ask(oxbow, 50);
    const label = await page.labelOf('.spark');
    return /^Requests: now [\d.]+\/s; [\d.]+\/s to [1-9][\d.]*\/s in \d+ (s|min)$/.test(label);
  });
  const labels = await page.evaluate(`[...document.querySelectorAll('svg[role=img]')]
    .map((chart) => chart.getAttribute('aria-label'))`);
  assert.ok(labels.length >= 7);
  for (const label of labels) assert.ok(label?.length > 10, label);
  assert.ok((await page.get('.spark .first', "getAttribute('d')")).length > 5);
  assertQuiet(page);
});

test('a hostile path of a socket is text, and so is everything else', async (t) => {
  const socket = path.join(tempDir(t), evil);
  const oxbow = await startOxbow(t, proxyTo(`unix:${socket}`, { top }));
  assert.equal((await curl([oxbow.url])).status, 502);
  const page = await openDashboard(t, oxbow);
  await page.waitFor("document.querySelector('[data-where]')?.textContent.includes('onerror')");
  const shown = await page.evaluate('document.body.innerText');
  assert.ok(shown.includes(`unix:${socket}`), shown);
  const harmless = async () => {
    assert.equal(await page.evaluate("document.querySelectorAll('img').length"), 0);
    assert.equal(await page.evaluate('typeof window.pwned'), 'undefined');
    assertQuiet(page);
  };
  await harmless();

  // The same of every text that oxbow could ever tell.
  const hostile = (value) => {
    if (typeof value === 'string') return /^\d{4}-/.test(value) ? value : evil;
    if (Array.isArray(value)) return [...value.map(hostile), ...(value.length === 0 ? [evil] : [])];
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hostile(each)]));
  };
  const answers = {
    upstreams: hostile(await api(oxbow, 'upstreams')),
    errors: hostile(await api(oxbow, 'errors')),
    dns: { servers: [evil], search: [], ndots: 1, lookups: { sent: 1, hits: 0, outcomes: {} },
      stale_serves: 0, addresses: { added: 0, drained: 0, denied: 0 },
      names: [{ name: evil, upstreams: [evil], state: evil, found_as: `${evil}2`, source: evil,
        addresses: [evil], services: [], age_s: 1, ttl_s: 1, next_refresh_s: null, failures: 1,
        last_error: evil }] },
  };
  answers.upstreams.upstreams[0].warnings = [evil];
  answers.upstreams.upstreams[0].endpoints[0].closed = { total: 1, [evil]: 1 };
  await page.intercept('*/api/*', ({ url }) => ({ json: answers[url.split('/api/')[1]] }));
  await page.waitFor(`document.querySelector('[data-upstream]').dataset.upstream === '${evil}' &&
    ['name', 'advice'].every((what) => document.querySelector(\`[data-\${what}]\`) !== null)`);
  for (const place of ['h2', '.warning', '[data-sum]', '[data-name]', '[data-dns]', '[data-detail]',
    '[data-advice]', '[data-where]', '[data-token]'])
    assert.ok((await page.get(place, "closest('tr, li, section, p').textContent")).includes(evil),
      place);
  await harmless();

  // It would have been seen; and the policy would have stopped it.
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(evil)})`);
  await until(60000, 'a complaint', () => page.complaints.some((complaint) =>
    complaint.includes('inline event handler') && complaint.includes('Content Security Policy')));
  assert.equal(await page.evaluate('typeof window.pwned'), 'undefined');
});

test('errors are told in words, with what to do', async (t) => {
  const oxbow = await startOxbow(t, proxyTo(`127.0.0.1:${await freePort()}`, { top }));
  const page = await openDashboard(t, oxbow);
  assert.equal(await page.get('#no-errors', 'hidden'), false);
  for (let i = 0; i < 3; ++i) assert.equal((await curl([`${oxbow.url}/a?b=c`])).status, 502);
  await page.waitFor("document.querySelector('[data-count]')?.textContent === '3 times'");
  const { errors: [error] } = await api(oxbow, 'errors');
  const text = (place) => page.textOf(`[${place}]`);
  assert.equal(await text('data-detail'), error.detail);
  assert.equal(await text('data-advice'), error.advice);
  assert.equal(await text('data-token'), '502 connection_refused');
  assert.match(await text('data-where'), /upstream app, 127\.0\.0\.1:\d+, last GET \/a$/);
  assert.equal(await page.get('#no-errors', 'hidden'), true);
  assertQuiet(page);
});

test('on a phone, in light and in dark', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  // Names as long as they come, without a place to break them.
  const socket = path.join(tempDir(t), 's'.repeat(70));
  const port = origin.address.split(':')[1];
  const oxbow = await startOxbow(t, proxyTo(`localhost:${port}", "unix:${socket}`, { top }));
  await ask(oxbow, 200);
  assert.equal((await curl(['-H', 'Bad Name: 1', `${oxbow.url}/${'p'.repeat(90)}`])).status, 400);
  const page = await openDashboard(t, oxbow);
  await page.waitFor("document.querySelector('[data-where]')?.textContent.includes('pppp')");
  const dir = process.env.OXBOW_SCREENSHOTS ?? tempDir(t);
  const brightness = {};
  const height = 900;
  for (const width of [360, 1280])
    for (const scheme of ['light', 'dark']) {
      await page.resize(width, height);
      await page.prefer({ 'prefers-color-scheme': scheme });
      await page.evaluate('new Promise((done) => setTimeout(done, 500))');
      const taken = await page.evaluate('document.scrollingElement.scrollWidth');
      assert.ok(taken <= width, `${taken} of ${width} px`);
      const file = path.join(dir, `dashboard-${width}-${scheme}.png`);
      fs.writeFileSync(file, await page.screenshot());
      assert.ok(fs.statSync(file).size > 10000, file);
      const picture = decodePng(fs.readFileSync(file));
      assert.deepEqual([picture.width, picture.height], [width, height]);
      const colours = coloursOf(picture);
      assert.ok(colours.size > 50, `${file}: ${colours.size} colours`);
      const background = picture.at(2, 2);
      assert.ok(colours.get(background) < 0.9 * width * height, `${file} is blank`);
      brightness[scheme] = background & 255;
    }
  assert.ok(brightness.light > 200 && brightness.dark < 80, JSON.stringify(brightness));
  assertQuiet(page);
});

test('with the keyboard, and without motion', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const page = await openDashboard(t, oxbow);
  await page.press('Tab', 9);
  assert.equal(await page.evaluate('document.activeElement.id'), 'pause');
  await page.press('Enter', 13, '\r');
  assert.equal(await page.get('#pause', 'ariaPressed'), 'true');
  assert.equal(await page.evaluate('document.documentElement.dataset.state'), 'paused');
  await page.press('Enter', 13, '\r');
  await page.waitFor("document.documentElement.dataset.state === 'live'");
  const motion = () => page.evaluate(
    "getComputedStyle(document.querySelector('.bar rect')).transitionDuration");
  assert.notEqual(await motion(), '0s');
  await page.prefer({ 'prefers-reduced-motion': 'reduce' });
  assert.equal(await motion(), '0s');
  // What a screen reader goes by.
  const bad = await page.evaluate(`[...document.querySelectorAll('table')].filter((table) =>
    table.getAttribute('role') !== 'table' || table.caption === null ||
    [...table.tHead.rows[0].cells].some((cell) => cell.scope !== 'col') ||
    [...table.tBodies[0].rows].some((row) => row.cells[0].scope !== 'row')).length`);
  assert.equal(bad, 0);
  assertQuiet(page);
});

test('it says when oxbow is gone, and goes on when it is back', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const port = await freePort();
  const yaml = proxyTo(origin.address, { top: `admin: { listen: 127.0.0.1:${port} }` });
  const first = await startOxbow(t, yaml);
  await ask(first, 20);
  const page = await openDashboard(t, first);
  await waitForCount(page, 20);
  assertQuiet(page);
  await first.stop();
  await page.waitFor("document.documentElement.dataset.state === 'gone'");
  assert.match(await page.textOf('#status'),
    /oxbow gives no answer since .*\d.*Trying again/);
  // What was known stays to be looked at.
  assert.equal(await page.textOf('[data-path="requests.2xx"]'), '20');
  const polls = await page.evaluate('document.documentElement.dataset.polls');
  const second = await startOxbow(t, yaml);
  await page.waitFor("document.documentElement.dataset.state === 'live'");
  await ask(second, 3);
  await waitForCount(page, 3);
  assert.ok(Number(await page.evaluate('document.documentElement.dataset.polls')) > Number(polls));
  // No rate below zero where counters began anew.
  assert.doesNotMatch(await page.labelOf('.spark'), /-\d/);
});

test('it asks for a token when one is needed, and keeps it for this tab alone', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end('ok'));
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const page = await openPage(t);
  const told = { upstreams: await api(oxbow, 'upstreams'), dns: await api(oxbow, 'dns'),
    errors: await api(oxbow, 'errors') };
  await page.intercept('*/api/*', ({ url, headers }) =>
    (headers.Authorization === 'Bearer s3cret' ? { json: told[url.split('/api/')[1]] }
      : { status: 401 }));
  await page.open(`${oxbow.adminUrl}/`);
  await page.waitFor("document.documentElement.dataset.state === 'token'");
  const type = async (token) => {
    await page.evaluate("document.getElementById('token').focus()");
    await page.send('Input.insertText', { text: token });
    await page.press('Enter', 13, '\r');
  };
  await type('wrong');
  await page.waitFor("document.getElementById('status').textContent.includes('not the right one')");
  await type('s3cret');
  await page.waitFor("document.documentElement.dataset.state === 'live'");
  assert.ok(await page.get('#ask', 'hidden'));
  assert.equal(await page.evaluate('localStorage.length'), 0);
  assert.ok(!(await page.evaluate('document.documentElement.outerHTML')).includes('s3cret'));
  await page.send('Page.reload');
  await page.waitFor("document.documentElement.dataset.state === 'live'");
});

test('the page is served with what keeps it to itself', async (t) => {
  const origin = await startOrigin(t);
  const oxbow = await startOxbow(t, proxyTo(origin.address, { top }));
  const { status, text } = await curl(['-i', `${oxbow.adminUrl}/`]);
  assert.equal(status, 200);
  for (const line of [/^Content-Type: text\/html; charset=utf-8\r$/m,
    /^Content-Security-Policy: default-src 'none'; script-src 'sha256-[^']+'; /m,
    /; style-src 'sha256-[^']+'; connect-src 'self'; /m,
    /^X-Content-Type-Options: nosniff\r$/m, /^X-Frame-Options: DENY\r$/m,
    /^Referrer-Policy: no-referrer\r$/m, /^Cache-Control: no-store\r$/m])
    assert.match(text, line);
  const head = await curl(['-I', `${oxbow.adminUrl}/`]);
  assert.equal(head.status, 200);
  assert.equal(head.downloaded, 0);
});
