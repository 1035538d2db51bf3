import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-'));
  url = `sqlite:${join(folder, 'queues.db')}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// Only what changes of a line is written anew, at a column: whoever measures the name otherwise than the terminal
// writes it over a figure.
test.each([
  ['an Indic conjunct', '\u0928\u092e\u0938\u094d\u0924\u0947', '\u0928\u092e\u0938\u094d\u0924\u0947'],
  ['a variation selector', 'heart\u2764\ufe0f', 'heart\u2764\\ufe0f'],
  ['what joins and what takes no place', 'a\u200db\u200b', 'a\\u200db\\u200b'],
])('beside a name with %s a figure that changes is still whole', async (_, name, shown) => {
  await using load = await SqliteLoad.open(url);
  const queue = await load.create(name);
  await load.send(
    queue,
    Array.from({ length: 10 }, (_unused, index) => `${index}`),
  );
  await using terminal = new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '200ms'], {
    columns: 80,
    rows: 10,
    env: { MQ_URL: url },
  });
  const figures = () => {
    const line = terminal.lines()[3] ?? '';
    return line.slice(2).startsWith(shown)
      ? line
          .slice(2 + shown.length)
          .trim()
          .split(/ +/)
          .slice(0, 5)
      : [];
  };
  // ready, dead, in/s, out/s, err/s
  await terminal.until(() => /^10 0 \d+\.\d 0\.0 0\.0$/.test(figures().join(' ')));
  await load.send(queue, ['one more']);
  await terminal.until(() => /^11 0 \d+\.\d 0\.0 0\.0$/.test(figures().join(' ')));
});
