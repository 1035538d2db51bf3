import { expect, it } from 'vitest';
import type { Delivery } from '../../../src/contract/message.ts';
import type { Consumer } from '../../../src/contract/queue.ts';
import { OnwardConsumer } from '../../../src/core/onward.ts';

const delivery = {} as Delivery;
const signal = new AbortController().signal;

/**
 * A queue of so many messages. It notes the limits that it was opened with, and the order in which consumers are
 * closed.
 */
class Row {
  readonly limits: (number | null)[] = [];
  readonly closed: number[] = [];
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  readonly open = async (limit: number | null): Promise<Consumer> => {
    const serial = this.limits.push(limit);
    const count = Math.min(limit ?? this.#left, this.#left);
    this.#left -= count;
    return {
      async *[Symbol.asyncIterator]() {
        for (let n = 0; n < count; n++) yield delivery;
      },
      close: async () => void this.closed.push(serial),
    };
  };
}

async function take(consumer: Consumer, upTo: number): Promise<number> {
  let taken = 0;
  for await (const _ of consumer) {
    taken += 1;
    if (taken === upTo) break;
  }
  await consumer.close();
  return taken;
}

it.each([
  { there: 10, bound: 10, upTo: 3, taken: 3, limits: [3] },
  { there: 10, bound: 10, upTo: 5, taken: 5, limits: [3, 7] },
  { there: 10, bound: 10, upTo: 99, taken: 10, limits: [3, 7] },
  { there: 10, bound: null, upTo: 99, taken: 10, limits: [3, null] },
  { there: 2, bound: 10, upTo: 99, taken: 2, limits: [3] },
  { there: 3, bound: 3, upTo: 99, taken: 3, limits: [3] },
])('takes more than are wanted only for who asks for more: %j', async ({ there, bound, upTo, taken, limits }) => {
  const row = new Row(there);
  const consumer = await OnwardConsumer.open({ wanted: 3, bound, open: row.open, signal });
  expect(await take(consumer, upTo)).toBe(taken);
  expect(row.limits).toEqual(limits);
  expect(row.closed).toEqual(limits.map((_, at) => at + 1));
});
