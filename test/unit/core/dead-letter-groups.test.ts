import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import {
  DeadLetterGrouping,
  groupDeadLetters,
  groupExpression,
  groupFilter,
  normaliseReason,
} from '../../../src/core/dead-letter-groups.ts';
import { compileFilter } from '../../../src/core/filter.ts';

const dead = (error: string | null, at: number | null = null, reason: string | null = null) =>
  message({ id: String(at), dead: { from: 'q', reason, error, at, count: 1, replays: 0 } });
const never = (problem: string): never => {
  throw new Error(problem);
};

test.each([
  ['timeout after 3000 ms', 'timeout after <n> ms'],
  ['order 7f3c2a10-1b2c-4d5e-8f90-123456789abc is gone', 'order <uuid> is gone'],
  ['at 2026-11-21T09:00:00.123Z: refused', 'at <time>: refused'],
  ['key 0xDEADBEEF, trace 9af31c0b77e2', 'key <hex>, trace <hex>'],
  ['ENOTFOUND db-1.internal:5432', 'ENOTFOUND db-<n>.internal:<n>'],
  ['deadbeef and facade are words', 'deadbeef and facade are words'],
  ['upload x7Kq2m9Q1z of tenant acme42 failed', 'upload <id> of tenant acme<n> failed'],
  ['job job_x7Kq2m9Q1z', 'job job_x<n>Kq<n>m<n>Q<n>z'],
  ['1.5 of 2,000', '<n> of <n>'],
  ['first line\n    at stack (file.js:1:2)', 'first line'],
  ['  many   blanks\t', 'many blanks'],
])('%j → %j', (text, reason) => {
  expect(normaliseReason(text)).toBe(reason);
});

test('groups by reason, the largest first, with the newest of each', () => {
  const groups = groupDeadLetters([
    dead('a 1', 10),
    dead('b', 5),
    dead('a 22', 30),
    dead('a 3', 20),
    dead(null, 7, 'expired'),
    dead(null),
  ]);
  expect(groups.map(({ reason, count, newestAt, newest }) => [reason, count, newestAt, newest.id])).toEqual([
    ['a <n>', 3, 30, '30'],
    ['(no reason is known)', 1, null, 'null'],
    ['b', 1, 5, '5'],
    ['expired', 1, 7, '7'],
  ]);
});

test('apart where the caller says so, and remembers no more than the caller keeps', () => {
  const grouping = new DeadLetterGrouping({ keep: ({ id }) => id, apart: ({ dead }) => dead?.reason ?? '' });
  for (const one of [dead('a 1', 10, 'rejected'), dead('a 2', 5, 'expired'), dead('a 3', 7, 'rejected')])
    grouping.add(one);
  expect(grouping.groups()).toEqual([
    { reason: 'a <n>', count: 2, newest: '10', oldestAt: 7, newestAt: 10 },
    { reason: 'a <n>', count: 1, newest: '5', oldestAt: 5, newestAt: 5 },
  ]);
});

test('stays bounded when every reason is different, and still counts every message', () => {
  const letters = (n: number): string => [...n.toString()].map((digit) => 'abcdefghij'[Number(digit)]).join('');
  const groups = groupDeadLetters(Array.from({ length: 3000 }, (_, at) => dead(`error ${letters(at)}`)));
  expect(groups).toHaveLength(1001);
  expect(groups[0]).toMatchObject({ reason: '(other reasons)', count: 2000 });
  expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(3000);
});

describe('the same selection as a --filter', () => {
  const texts = [
    'timeout after 3000 ms',
    'timeout after many ms',
    'order 7f3c2a10-1b2c-4d5e-8f90-123456789abc is gone',
    'a+b (c) [d] {e} \\ ^$ | ? * "quoted" 1',
    'x\n at stack',
    "it's",
    'upload x7Kq2m9Q1z failed',
    'marks of our own: <n>, <id> and <uuid>',
  ];
  test.each(texts)('%j', async (text) => {
    const filter = await compileFilter(groupExpression(normaliseReason(text)));
    const group = groupFilter(normaliseReason(text));
    for (const other of texts) {
      expect(filter.matches(dead(other), never)).toBe(other === text);
      expect(group.matches(dead(other), never)).toBe(other === text);
    }
  });

  test('every message of a group is found by the expression of the group', async () => {
    const part = fc.oneof(
      fc.constantFrom('timeout ', 'id=', '(', '.*', '"', "'", '\\', ' '),
      fc.integer().map(String),
      fc.uuid(),
      fc.string({ maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 8 }), async (parts) => {
        const text = parts.join('');
        const reason = groupDeadLetters([dead(text)])[0]?.reason ?? '';
        fc.pre(text.isWellFormed() && !/\p{Cc}|[\u2028\u2029]/u.test(text));
        const filter = await compileFilter(groupExpression(reason));
        if (reason !== '(no reason is known)') expect(filter.matches(dead(text), never)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

test('a reason of megabytes costs nothing', () => {
  // Time of the processor: on a busy machine, any work can take long by the clock.
  const before = process.cpuUsage();
  expect(normaliseReason(`${'a'.repeat(5_000_000)}\n`)).toHaveLength(200);
  expect(normaliseReason('0'.repeat(5_000_000)).length).toBeLessThanOrEqual(200);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(500);
});
