import { expect, it } from 'vitest';
import { RICH } from '../../../src/conformance/memory/capabilities.ts';
import type { Delivery } from '../../../src/contract/message.ts';
import type { Consumer, Queue } from '../../../src/contract/queue.ts';
import { OnwardConsumer } from '../../../src/core/onward.ts';
import { EVERYTHING, selection } from '../../../src/core/selection.ts';
import { taking } from '../../../src/core/take.ts';

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

it.each([
  ['disturbs', [3]],
  ['free', [null]],
] as const)('whether looking takes messages away, the record says, and no price: %s', async (effect, limits) => {
  const row = new Row(10);
  const { peek } = RICH.abilities;
  const abilities = { ...RICH.abilities, peek: peek.supported ? { ...peek, effect } : peek };
  const source = {
    kind: 'memory',
    capabilities: { ...RICH, abilities },
    consume: ({ limit }: { limit: number | null }) => row.open(limit),
  } as unknown as Queue;
  const open = taking({
    source,
    state: 'ready',
    // What one queue lost, and all are its own.
    selection: selection(EVERYTHING, { lostBy: 'q', silent: 'meant', holder: 'q.dead', sources: ['q'] }, 0),
    ...{ bound: null, max: 3, window: 500, follow: false, idleMs: null, evenPaused: true, force: false },
    notice: () => {},
  });
  expect(await take(await open(signal), 3)).toBe(3);
  expect(row.limits).toEqual(limits);
});
