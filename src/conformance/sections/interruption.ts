import { isMqError } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';
import { bodies, staysOpen } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const interruption: Section = ({ members }) => {
  if (!members.has('consume') || !members.has('publisher')) return [];
  return [
    {
      title: 'aborted before it begins: takes nothing',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        try {
          const consumer = await bench.consume(queue, { signal: AbortSignal.abort() });
          for await (const _ of consumer) throw new Error('a message was taken');
          await consumer.close();
        } catch (error) {
          // Opening it may be refused; nothing else may fail.
          if (!isMqError(error)) throw error;
          expect(error.code).toBe('ABORTED');
        }
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    },
    {
      title: 'aborted between opening and iterating: takes nothing',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const stop = new AbortController();
        const consumer = await bench.consume(queue, { signal: stop.signal });
        stop.abort();
        for await (const _ of consumer) throw new Error('a message was handed over');
        await consumer.close();
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    },
    {
      title: 'aborted while it waits: ends without an error',
      async run(bench) {
        const queue = await bench.queue();
        const stop = new AbortController();
        const consumer = await bench.consume(queue, { follow: true, signal: stop.signal });
        const next = consumer[Symbol.asyncIterator]().next();
        expect(await staysOpen(next)).toBe(true);
        stop.abort();
        expect((await next).done).toBe(true);
        await consumer.close();
      },
    },
    {
      title: 'aborted while the window is full: ends without an error',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const stop = new AbortController();
        const consumer = await bench.consume(queue, { window: 1, signal: stop.signal });
        const iterator = consumer[Symbol.asyncIterator]();
        await iterator.next();
        const second = iterator.next();
        stop.abort();
        expect((await second).done).toBe(true);
        await consumer.close();
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    },
    {
      title: 'aborted with messages in hand: each can still be settled, the rest goes back in order',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(5));
        const stop = new AbortController();
        const consumer = await bench.consume(queue, { signal: stop.signal });
        const held: Delivery[] = [];
        for await (const delivery of consumer) {
          held.push(delivery);
          if (held.length === 3) stop.abort();
        }
        expect(held).toHaveLength(3);
        await held[0]?.receipt.ack();
        await held[2]?.receipt.release();
        await consumer.close();
        const gone = held[0] === undefined ? '' : Buffer.from(held[0].message.body).toString();
        bench.expectBodies(
          await bench.contents(queue),
          bodies(5).filter((body) => body !== gone),
        );
      },
    },
    {
      title: 'left in the middle of the loop: closing gives everything back',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(5));
        const consumer = await bench.consume(queue);
        for await (const _ of consumer) break;
        await consumer.close();
        bench.expectBodies(await bench.contents(queue), bodies(5));
      },
    },
    {
      title: 'closed without ever iterating: nothing is gone',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue);
        await consumer.close();
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    },
    {
      title: 'closed while it waits: the wait ends',
      async run(bench) {
        const queue = await bench.queue();
        const consumer = await bench.consume(queue, { follow: true });
        const next = consumer[Symbol.asyncIterator]().next();
        await consumer.close();
        expect((await next).done).toBe(true);
      },
    },
    {
      title: 'the connection closed with messages in hand: nothing is lost',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(4));
        const broker = await bench.connect();
        const consumer = await bench.consume(await broker.queue(queue.name, bench.signal), { limit: 2 });
        for await (const _ of consumer);
        await consumer.close();
        await broker.close();
        bench.expectBodies(await bench.contents(queue), bodies(4));
      },
    },
  ];
};
