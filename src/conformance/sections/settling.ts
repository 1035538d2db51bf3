import type { Delivery } from '../../contract/message.ts';
import type { Consumer } from '../../contract/queue.ts';
import { bodies, eventually } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const settling: Section = ({ members, capabilities }) => {
  if (!members.has('consume') || !members.has('publisher')) return [];
  return [
    {
      title: 'ack removes for good, also for the next connection',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue);
        for (const delivery of await deliveries(consumer, 3)) await delivery.receipt.ack();
        await consumer.close();
        const again = await (await bench.connect()).queue(queue.name, bench.signal);
        expect(await bench.contents(again)).toEqual([]);
        await bench.expectCount(queue, 'ready', 0);
        await bench.expectCount(queue, 'inFlight', 0);
      },
    },
    {
      title: 'release gives back at once, unchanged',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1));
        const consumer = await bench.consume(queue, { limit: 1 });
        const [delivery] = await deliveries(consumer, 1);
        await delivery?.receipt.release();
        const other = await (await bench.connect()).queue(queue.name, bench.signal);
        const [again, ...more] = await bench.contents(other);
        expect(more).toEqual([]);
        expect(again).toMatchObject({
          id: delivery?.message.id ?? null,
          headers: delivery?.message.headers,
          state: 'ready',
        });
        bench.expectBodies(again === undefined ? [] : [again], bodies(1));
      },
    },
    {
      title: 'a second settlement is ignored: released after ack stays removed',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        const consumer = await bench.consume(queue, { limit: 2 });
        for (const { receipt } of await deliveries(consumer, 2)) {
          await receipt.ack();
          await receipt.release();
          await receipt.ack();
        }
        await consumer.close();
        expect(await bench.contents(queue)).toEqual([]);
      },
    },
    {
      title: 'a second settlement is ignored: acked after release stays there',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        const consumer = await bench.consume(queue, { limit: 2 });
        for (const { receipt } of await deliveries(consumer, 2)) {
          await receipt.release();
          await receipt.ack();
        }
        await consumer.close();
        expect(await bench.contents(queue)).toHaveLength(2);
      },
    },
    {
      title: 'settles out of order and all at once',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(20));
        const consumer = await bench.consume(queue);
        const all = await deliveries(consumer, 20);
        await Promise.all(
          all.toReversed().map(({ receipt }, index) => (index % 2 === 0 ? receipt.ack() : receipt.release())),
        );
        await consumer.close();
        expect(await bench.contents(queue)).toHaveLength(10);
      },
    },
    {
      title: 'close gives back what is not settled, in its old order, and settled ones stay settled',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(6));
        const consumer = await bench.consume(queue, { limit: 4 });
        const taken = await deliveries(consumer, 4);
        await taken[0]?.receipt.ack();
        await consumer.close();
        await consumer.close();
        const first = taken[0] === undefined ? '' : Buffer.from(taken[0].message.body).toString();
        bench.expectBodies(
          await bench.contents(queue),
          bodies(6).filter((body) => body !== first),
        );
        await bench.expectCount(queue, 'inFlight', 0);
      },
    },
    ...(capabilities.counts.dead === 'absent'
      ? []
      : [
          {
            title: 'a failure counts as a delivery, and the message is not lost by it',
            async run(bench: Parameters<ReturnType<Section>[number]['run']>[0]) {
              const queue = await bench.queue({ deadLetters: true });
              await bench.fill(queue, bodies(1));
              const consumer = await bench.consume(queue, { limit: 1 });
              const [delivery] = await deliveries(consumer, 1);
              await delivery?.receipt.release({ failure: 'the worker said no' });
              await consumer.close();
              const alive = await bench.contents(queue);
              // If the first failure is the last (a classic RabbitMQ queue), the message is a dead letter, or on its
              // way to become one.
              if (alive.length === 0)
                await eventually(
                  async () => expect([1, null]).toContain((await queue.stats(bench.signal)).dead),
                  bench.harness.patienceMs,
                );
              else bench.expectBodies(alive, bodies(1));
            },
          },
        ]),
  ];
};

async function deliveries(consumer: Consumer, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  for await (const delivery of consumer) {
    taken.push(delivery);
    if (taken.length === count) break;
  }
  expect(taken).toHaveLength(count);
  return taken;
}
