// A terminal: a program in a tmux of its own, on a socket of its own.

import assert from 'node:assert/strict';
import path from 'node:path';

import { atEnd, run, tempDir, until } from './harness.mjs';

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

export class Terminal {
  constructor(socket) { this.socket = socket; }

  async tmux(...args) {
    const { code, stdout, stderr } =
      await run('tmux', ['-S', this.socket, '-f', '/dev/null', ...args]);
    assert.equal(code, 0, `tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  // What is on the screen; `-e` in `options` keeps what colours it.
  async screen(...options) {
    return (await this.tmux('capture-pane', '-p', ...options)).replace(/\n+$/, '\n');
  }

  // Whether a program has another screen than the shell's, and whether there is a cursor.
  async flags() {
    const format = 'alternate #{alternate_on}, cursor #{cursor_flag}';
    return (await this.tmux('display-message', '-p', format)).trim();
  }

  press(...keys) { return this.tmux('send-keys', ...keys); }
  resize(columns, rows) {
    return this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  // The screen when `condition` is true of it.
  async waitFor(what, condition) {
    let last = '';
    return until(60000, what, async () => {
      last = await this.screen();
      return condition(last) && last;
    }).catch((error) => {
      error.message += `\n${last}`;
      throw error;
    });
  }
}

// A shell in a terminal of that size, with a prompt "$ ".
export async function openTerminal(t, columns, rows, env = {}) {
  const terminal = new Terminal(path.join(tempDir(t), 'tmux'));
  const words = Object.entries({ PS1: '$ ', LC_ALL: 'C.UTF-8', ...env })
    .map(([name, value]) => quoted(`${name}=${value}`));
  await terminal.tmux('new-session', '-d', '-x', String(columns), '-y', String(rows),
    `env -u NO_COLOR -u ENV ${words.join(' ')} sh`);
  atEnd(t, () => terminal.tmux('kill-server'));
  await terminal.waitFor('a prompt', (screen) => /^\$/m.test(screen));
  return terminal;
}

// Types a command into the shell.
export async function type(terminal, ...words) {
  await terminal.tmux('send-keys', '-l', words.map(quoted).join(' '));
  await terminal.press('Enter');
}
