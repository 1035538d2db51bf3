import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

it('a message that is delayed for longer than there are dates is shown and stays delayed', async () => {
  await mq.ok(['enqueue', 'q', 'never', '--delay', '1h']);
  await mq.ok(['enqueue', 'q', 'now']);
  const file = new DatabaseSync(mq.url.slice('sqlite:'.length));
  file.prepare('UPDATE message SET deliver_at = ?, wake = ? WHERE deliver_at IS NOT NULL').run(9e15, 9e15);
  file.close();
  const [shown] = (await mq.json(['peek', 'q', '--state', 'delayed'])) as readonly {
    readonly deliverAt: string;
    readonly notes: object;
  }[];
  expect(shown).toMatchObject({ deliverAt: '9999-12-31T23:59:59.999Z', notes: { deliverAt: expect.any(String) } });
  expect((await mq.run(['top', '--once'])).code).toBe(0);
  for (const format of ['text', 'table', 'yaml']) await mq.ok(['peek', 'q', '--state', 'delayed', '-o', format]);
  expect(await mq.json(['ls', 'q'])).toMatchObject([{ ready: 1, delayed: 1 }]);
});

it('instants in the file that no date is cost their own field', async () => {
  await mq.ok(['enqueue', 'q', 'a', 'b', 'c']);
  const file = new DatabaseSync(mq.url.slice('sqlite:'.length));
  const set = file.prepare('UPDATE message SET enqueued_at = ? WHERE key = (SELECT min(key) + ? FROM message)');
  set.run(9_000_000_000_000_000_000n, 0);
  set.run(-5n, 1);
  file.close();
  const shown = (await mq.json(['peek', 'q'])) as readonly {
    readonly body: string;
    readonly enqueuedAt: string | null;
  }[];
  expect(shown.map(({ enqueuedAt }) => enqueuedAt === null)).toEqual([true, true, false]);
  for (const args of [
    ['ls'],
    ['stats', 'q'],
    ['inspect', 'q'],
    ['top', '--once'],
    ['purge', 'q', '--older-than', '1h', '--dry-run'],
  ])
    expect((await mq.run(args)).code, args.join(' ')).toBe(0);
  expect((await mq.ok(['drain', 'q'])).stdout.trimEnd().split('\n')).toHaveLength(3);
});
