// Chromium without a window, driven by the DevTools protocol.

import assert from 'node:assert/strict';
import { WebSocket } from 'undici';

import { Process, atEnd, tempDir, until, within } from './harness.mjs';

const PATIENCE = 120000;  // a machine under load takes its time to start a browser

class Connection {
  constructor(socket) {
    this.socket = socket;
    this.last = 0;
    this.waiting = new Map();
    this.listeners = [];
    socket.addEventListener('message', ({ data }) => this.take(JSON.parse(data)));
  }

  static async to(url) {
    const socket = new WebSocket(url);
    await within(PATIENCE, 'Chromium answers', new Promise((done, failed) => {
      socket.addEventListener('open', done);
      socket.addEventListener('error', () => failed(new Error('no WebSocket to Chromium')));
    }));
    return new Connection(socket);
  }

  take(message) {
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (waiting === undefined) return this.listeners.forEach((listener) => listener(message));
    if (message.error) waiting.failed(new Error(message.error.message));
    else waiting.done(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.last;
    const answer = new Promise((done, failed) => this.waiting.set(id, { done, failed }));
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return within(PATIENCE, method, answer);
  }
}

// One tab. `complaints` are errors of its console, its script and its policies.
class Page {
  complaints = [];
  answers = null;  // a function from a request to what it gets instead of the server's answer

  constructor(connection, sessionId) {
    this.connection = connection;
    this.sessionId = sessionId;
    connection.listeners.push((message) => {
      if (message.sessionId === sessionId) this.take(message);
    });
  }

  send(method, params) { return this.connection.send(method, params, this.sessionId); }

  take({ method, params }) {
    if (method === 'Runtime.exceptionThrown')
      this.complaints.push(params.exceptionDetails.exception?.description ?? 'exception');
    const isBad = ['error', 'warning', 'assert'].includes(params.type);
    if (method === 'Runtime.consoleAPICalled' && isBad)
      this.complaints.push(JSON.stringify(params.args));
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level))
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    if (method === 'Fetch.requestPaused') this.answer(params);
  }

  async answer({ requestId, request }) {
    const { status = 200, json } = this.answers(request);
    await this.send('Fetch.fulfillRequest', {
      requestId, responseCode: status,
      responseHeaders: [{ name: 'Content-Type', value: 'application/json' }],
      body: Buffer.from(JSON.stringify(json ?? {})).toString('base64'),
    }).catch(() => {});  // the page may have left
  }

  // What matches `pattern` gets what `answers` returns: { status, json }.
  async intercept(pattern, answers) {
    this.answers = answers;
    await this.send('Fetch.enable', { patterns: [{ urlPattern: pattern }] });
  }

  async open(url) {
    const { errorText } = await this.send('Page.navigate', { url });
    assert.equal(errorText, undefined, url);
  }

  // The value of an expression, which may be a promise.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, returnByValue: true, awaitPromise: true });
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return result.value;
  }

  // Of the first element that matches; `property` as in JavaScript.
  get(selector, property) {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).${property}`);
  }

  textOf(selector) { return this.get(selector, 'textContent'); }
  labelOf(selector) { return this.get(selector, 'ariaLabel'); }

  // Until the expression is true; a page that is on its way has none.
  waitFor(expression) {
    return until(PATIENCE, expression, () => this.evaluate(expression).catch(() => false));
  }

  async resize(width, height) {
    await this.send('Emulation.setDeviceMetricsOverride',
      { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  }

  // Such as { 'prefers-color-scheme': 'dark' }.
  async prefer(features) {
    await this.send('Emulation.setEmulatedMedia', {
      features: Object.entries(features).map(([name, value]) => ({ name, value })),
    });
  }

  async press(key, code, text) {
    await this.send('Input.dispatchKeyEvent',
      { type: 'keyDown', key, code: key, windowsVirtualKeyCode: code, text });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, windowsVirtualKeyCode: code });
  }

  async screenshot() {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }
}

// A tab of a Chromium of its own, which ends with the test.
export async function openPage(t) {
  const dir = tempDir(t);
  const chromium = new Process('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu',
    '--remote-debugging-port=0', `--user-data-dir=${dir}`, '--no-first-run', '--no-proxy-server',
    '--no-default-browser-check', '--disable-background-networking', '--disable-component-update',
    '--disable-dev-shm-usage', '--disable-sync', '--disable-extensions', 'about:blank'],
  { env: { HOME: dir } });
  atEnd(t, async () => {
    chromium.signal('SIGKILL');
    await chromium.exited;
  });
  const url = await until(PATIENCE, 'Chromium listening', () => {
    assert.ok(chromium.running, `Chromium ended:\n${chromium.stderr}`);
    return /DevTools listening on (ws:\S+)/.exec(chromium.stderr)?.[1];
  });
  const connection = await Connection.to(url);
  const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } =
    await connection.send('Target.attachToTarget', { targetId, flatten: true });
  const page = new Page(connection, sessionId);
  for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
  await page.resize(1280, 900);
  return page;
}
