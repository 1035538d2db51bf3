import { expect, it } from 'vitest';
import type { Message } from '../../../src/contract/message.ts';
import { groupDead, normalise } from '../../../src/core/dead-groups.ts';

function dead(id: string, error: string | null, at: number | null, from = 'orders'): Message {
  return {
    ...{ id, queue: 'dlq', state: 'dead', body: new Uint8Array(), headers: {}, contentType: null, priority: null },
    ...{ groupId: null, deduplicationId: null, ttlMs: null, name: null, native: {}, enqueuedAt: null, deliverAt: null },
    receiveCount: null,
    dead: { from, reason: 'rejected', error, at, count: 1, replays: 0 },
  };
}

async function* listed(messages: readonly Message[]): AsyncGenerator<Message> {
  yield* messages;
}

it('counts together what differs only in ids and numbers, the largest group first', async () => {
  const groups = await groupDead(
    listed([
      dead('1', 'card refused', 30),
      dead('2', 'order 17 timed out after 30.5s', 10),
      dead('3', 'order 4711 timed out after 3s', null),
      dead('4', 'order 9 timed out after 1s', 5),
      dead('5', 'card refused', 7, 'payments'),
    ]),
  );
  expect(groups).toEqual([
    {
      from: 'orders',
      reason: 'rejected',
      error: 'order * timed out after *s',
      count: 3,
      oldestAt: 5,
      newestAt: 10,
      exampleId: '2',
    },
    { from: 'orders', reason: 'rejected', error: 'card refused', count: 1, oldestAt: 30, newestAt: 30, exampleId: '1' },
    { from: 'payments', reason: 'rejected', error: 'card refused', count: 1, oldestAt: 7, newestAt: 7, exampleId: '5' },
  ]);
});

it('stays bounded when every error is different, and still counts every message', async () => {
  const words = Array.from({ length: 3000 }, (_, at) =>
    [...at.toString()].map((digit) => 'abcdefghij'[Number(digit)]).join(''),
  );
  const groups = await groupDead(listed(words.map((word, at) => dead(`${at}`, `error ${word}`, null))));
  expect(groups.length).toBeLessThanOrEqual(1001);
  expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(3000);
});

it.each([
  ['job 3f2b8c1e-7a10-4c3e-9d53-0a1b2c3d4e5f failed', 'job * failed'],
  ['key a1b2c3d4e5f6 is gone', 'key * is gone'],
  ['first line\n  at stack (x.js:1:2)', 'first line'],
  ['timeout', 'timeout'],
])('normalises %j', (error, normalised) => {
  expect(normalise(error)).toBe(normalised);
});
