import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Settlements } from '../../src/backends/sqlite/rows/settlements.ts';
import { CommandLine } from '../support/command-line.ts';

const COUNT = 2_500;
const BODIES = Array.from({ length: COUNT }, (_, n) => String(n));

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
  await mq.ok(['enqueue', 'q', '--lines'], { stdin: BODIES.map((body) => `${body}\n`).join('') });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await mq.close();
});

/** How often messages were removed together, and one by one. */
function removals() {
  return {
    together: vi.spyOn(Settlements.prototype, 'ackAll'),
    alone: vi.spyOn(Settlements.prototype, 'settle'),
  };
}

const bodiesOf = (ndjson: string): readonly string[] =>
  ndjson
    .trimEnd()
    .split('\n')
    .map((line) => String(JSON.parse(line).body));

it.each(['a file', 'stdout'])('a drain of everything to %s removes page by page, and keeps the order', async (to) => {
  const { together, alone } = removals();
  const file = join(mq.folder, 'out');
  const { stdout } = await mq.ok(['drain', 'q', ...(to === 'a file' ? ['--to', file] : ['-o', 'ndjson'])]);
  expect(bodiesOf(to === 'a file' ? readFileSync(file, 'utf8') : stdout)).toEqual(BODIES);
  expect(together).toHaveBeenCalledTimes(3);
  expect(alone).not.toHaveBeenCalled();
  expect(await mq.json(['stats', 'q'])).toMatchObject([{ depth: 0 }]);
});

it.each([
  ['a filter', '--filter', 'int(body) >= 0'],
  ['a rate', '--rate', '1000000/s'],
])('with %s each message is judged or paced by itself', async (_, ...flags) => {
  const { together, alone } = removals();
  await mq.ok(['drain', 'q', '--to', join(mq.folder, 'out'), ...flags]);
  expect(together).not.toHaveBeenCalled();
  expect(alone).toHaveBeenCalledTimes(COUNT);
});
