import type { Capabilities } from '../../contract/capabilities.ts';
import type { Delivery } from '../../contract/message.ts';
import { bodies, staysOpen, takesAway, text } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

/** More than any broker hands over at once, so that paging and refilling are tested. */
const MANY = 1200;

export const consume: Section = ({ members, capabilities }) => {
  if (!members.has('consume') || !members.has('publisher')) return [];
  return [
    {
      title: 'takes everything, in the order that the kind promises, until the queue is empty',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(12));
        bench.expectBodies(await bench.take(queue), bodies(12));
        await bench.expectCount(queue, 'ready', 0);
        expect(await bench.contents(queue)).toEqual([]);
      },
    },
    {
      title: 'says of each message where it was, what it is, and when it came, as far as it is known',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, ['{"n":1}']);
        const [message] = await bench.contents(queue);
        expect(message).toMatchObject({ queue: queue.name, state: 'ready', dead: null, deliverAt: null });
        if (message?.enqueuedAt != null) expect(Math.abs(message.enqueuedAt - Date.now())).toBeLessThan(60_000);
      },
    },
    {
      title: 'takes many, each exactly once',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(MANY), bench.spread(40));
        const consumer = await bench.consume(queue, { window: 100 });
        const taken: string[] = [];
        const acks: Promise<void>[] = [];
        for await (const { message, receipt } of consumer) {
          taken.push(text(message));
          acks.push(receipt.ack());
        }
        await Promise.all(acks);
        await consumer.close();
        expect(taken.toSorted()).toEqual(bodies(MANY).toSorted());
        expect(await bench.contents(queue)).toEqual([]);
      },
    },
    {
      title: 'an empty queue ends the iteration at once',
      async run(bench) {
        expect(await bench.contents(await bench.queue())).toEqual([]);
      },
    },
    {
      title: 'never takes more than the limit',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(6));
        bench.expectBodies(await bench.take(queue, { limit: 4 }), bodies(4));
        await bench.expectCount(queue, 'ready', 2);
        expect(await bench.contents(queue)).toHaveLength(2);
      },
    },
    {
      title: 'a limit of what is there and more takes what is there',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        expect(await bench.take(queue, { limit: 3 })).toHaveLength(3);
        await bench.fill(queue, bodies(2));
        expect(await bench.take(queue, { limit: 5 })).toHaveLength(2);
      },
    },
    {
      title: 'has no more unsettled than the window allows, and goes on when one is settled',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(5));
        const consumer = await bench.consume(queue, { window: 2 });
        const iterator = consumer[Symbol.asyncIterator]();
        const first = await iterator.next();
        await iterator.next();
        const third = iterator.next();
        expect(await staysOpen(third), 'a third was handed over').toBe(true);
        const firstDelivery: Delivery | undefined = first.value;
        await firstDelivery?.receipt.ack();
        expect((await third).done).toBe(false);
      },
    },
    ...(takesAway(capabilities) ? inHand(capabilities) : []),
    {
      title: 'two consumers share the messages, none gets what the other has',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(10));
        const [one, two] = await Promise.all([
          bench.take(queue, { window: 1 }),
          bench.take(await (await bench.connect()).queue(queue.name, bench.signal), { window: 1 }),
        ]);
        // One may end early because the other has the rest in hand. Nothing may come twice or be left.
        const rest = await bench.take(queue);
        expect([...one, ...two, ...rest].map(text).toSorted()).toEqual(bodies(10).toSorted());
      },
    },
    {
      title: 'follow: waits for what comes later',
      async run(bench) {
        const queue = await bench.queue();
        const consumer = await bench.consume(queue, { follow: true });
        const iterator = consumer[Symbol.asyncIterator]();
        const next = iterator.next();
        expect(await staysOpen(next)).toBe(true);
        await bench.fill(queue, ['{"n":1}']);
        const { value } = await next;
        expect(value === undefined ? null : text(value.message)).toBe('{"n":1}');
        await value?.receipt.ack();
      },
    },
    {
      title: 'follow with an idle time: ends after that time without a message',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1));
        const startedAt = performance.now();
        expect(await bench.take(queue, { follow: true, idleMs: 1500 })).toHaveLength(1);
        expect(performance.now() - startedAt).toBeGreaterThan(1400);
      },
    },
  ];
};

const IDLE_MS = 1000;
/** More than any kind needs to see that there is nothing else. */
const KEPT_MS = 10_000;

/** While a message is in hand, it is unknown whether it will come again. */
const inHand = ({ counts }: Capabilities): readonly Case[] => [
  {
    title: 'a queue is not called empty while a message is in hand: one that fails comes again, or is dead',
    async run(bench) {
      const queue = await bench.queue({ deadLetters: counts.dead !== 'absent' });
      await bench.fill(queue, bodies(1));
      const consumer = await bench.consume(queue, { window: 4 });
      const iterator = consumer[Symbol.asyncIterator]();
      const first: Delivery | undefined = (await iterator.next()).value;
      const next = iterator.next();
      expect(await staysOpen(next), 'the queue was called empty').toBe(true);
      await first?.receipt.release({ failure: 'the worker said no' });
      const again = await next;
      if (again.value !== undefined) {
        expect(text(again.value.message)).toBe('{"n":1}');
        await again.value.receipt.ack();
        expect((await iterator.next()).done).toBe(true);
      }
      await consumer.close();
      expect(await bench.contents(queue)).toEqual([]);
    },
  },
  {
    title: 'a message that is held is not waited for',
    async run(bench) {
      const queue = await bench.queue();
      await bench.fill(queue, bodies(1));
      const consumer = await bench.consume(queue, { window: 4 });
      const iterator = consumer[Symbol.asyncIterator]();
      const first: Delivery | undefined = (await iterator.next()).value;
      first?.receipt.hold?.();
      const end = iterator.next();
      expect(await staysOpen(end, KEPT_MS), 'it waits for a message that is held').toBe(false);
      expect((await end).done).toBe(true);
      await consumer.close();
      expect(await bench.contents(queue)).toHaveLength(1);
    },
  },
  {
    title: 'follow with an idle time: work that takes longer does not end it',
    async run(bench) {
      const queue = await bench.queue();
      await bench.fill(queue, bodies(2));
      const consumer = await bench.consume(queue, { window: 1, follow: true, idleMs: IDLE_MS });
      const iterator = consumer[Symbol.asyncIterator]();
      const first: Delivery | undefined = (await iterator.next()).value;
      const next = iterator.next();
      expect(await staysOpen(next, IDLE_MS * 1.5), 'it ended while a message was in hand').toBe(true);
      await first?.receipt.ack();
      const second = await next;
      expect(second.done, 'the second message was not taken').toBe(false);
      await second.value?.receipt.ack();
      expect((await iterator.next()).done).toBe(true);
    },
  },
];
