import { depthOf, type QueueStats } from '../../contract/stats.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import { bodies, eventually, takesAway } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

const STATES = ['ready', 'inFlight', 'delayed', 'dead'] as const;

export const stats: Section = ({ capabilities, members }) => {
  const cases: Case[] = [
    {
      title: 'an empty queue: zeros, null for what is unknown, nothing for what does not apply',
      async run(bench) {
        const queue = await bench.queue();
        for (const state of STATES) await bench.expectCount(queue, state, 0);
        const reading = await queue.stats(bench.signal);
        expect(reading).toMatchObject({ queue: queue.name, broker: capabilities.broker, kind: queue.kind });
        expect(reading.state).not.toBe('');
        expect(Math.abs(reading.sampledAt - Date.now())).toBeLessThan(60_000);
        expectConsistent(reading);
      },
    },
    {
      title: 'names the figures that it calls approximate',
      async run(bench) {
        const { approximate } = await (await bench.queue()).stats(bench.signal);
        for (const state of STATES) {
          if (capabilities.counts[state] === 'approximate') expect(approximate).toContain(state);
          if (capabilities.counts[state] === 'exact') expect(approximate).not.toContain(state);
        }
      },
    },
  ];
  if (!members.has('publisher')) return cases;
  cases.push(
    {
      title: 'counts what is ready',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(4));
        await bench.expectCount(queue, 'ready', 4);
        expectConsistent(await queue.stats(bench.signal));
      },
    },
    {
      title: 'lists it by name and by pattern, with the same figures, and only what was asked for',
      async run(bench) {
        const base = bench.freshName('mq-list');
        const queue = await bench.make(base);
        const other = await bench.queue();
        if (queue === null) throw new Error(`the harness could not make ${base}`);
        await bench.fill(queue, bodies(3));
        await bench.expectCount(queue, 'ready', 3);
        const broker = await bench.broker();
        const exactly = (name: string) => queuePattern([name.replace(/[*?[\]\\]/g, '\\$&')]);
        for (const pattern of [exactly(base), queuePattern([`${base.slice(0, 30)}*`])]) {
          // Listings may come from figures that lag behind the queue itself.
          await eventually(async () => {
            const listed: QueueStats[] = [];
            for await (const one of broker.queues(pattern, bench)) listed.push(one);
            expect(listed.map((one) => one.queue)).toEqual([base]);
            expect(listed[0]).toMatchObject({ kind: queue.kind, broker: broker.name });
            expect([3, null]).toContain(listed[0]?.ready);
            for (const one of listed) expectConsistent(one);
          });
        }
        const all: string[] = [];
        for await (const one of broker.queues(queuePattern([]), bench)) all.push(one.queue);
        expect(all).toEqual(expect.arrayContaining([base, other.name]));
      },
    },
  );
  if (members.has('consume')) {
    cases.push({
      title: 'counts what is in flight, and that it is no longer ready',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue, { limit: 2, window: 2 });
        for await (const _ of consumer);
        await bench.expectCount(queue, 'inFlight', takesAway(capabilities) ? 2 : 0);
        if (!takesAway(capabilities)) await bench.expectCount(queue, 'ready', 3);
        else if (capabilities.counts.inFlight !== 'absent') await bench.expectCount(queue, 'ready', 1);
        expectConsistent(await queue.stats(bench.signal));
        await consumer.close();
        await bench.expectCount(queue, 'inFlight', 0);
        await bench.expectCount(queue, 'ready', 3);
      },
    });
  }
  if (capabilities.rates === 'counters') {
    cases.push({
      title: 'its counters count',
      async run(bench) {
        const queue = await bench.queue();
        const before = (await queue.stats(bench.signal)).counters;
        expect(before).toBeDefined();
        await bench.fill(queue, bodies(3));
        await eventually(async () => {
          const after = (await queue.stats(bench.signal)).counters;
          if (before?.enqueued === null) expect(after?.enqueued).toBeNull();
          else expect(after?.enqueued).toBe((before?.enqueued ?? Number.NaN) + 3);
        });
      },
    });
  }
  if (capabilities.rates === 'native') {
    cases.push({
      title: 'reports rates of its own',
      async run(bench) {
        const queue = await bench.queue();
        expect((await queue.stats(bench.signal)).rates).toBeDefined();
      },
    });
  }
  return cases;
};

/** The figures agree with each other and with what the contract says of unknown. */
function expectConsistent(reading: QueueStats): void {
  const { ready, inFlight, delayed, dead, depth } = reading;
  expect(depth).toBe(depthOf(ready, inFlight, delayed));
  for (const count of [ready, inFlight, delayed, dead, depth]) {
    if (count !== null && count !== undefined) expect(count).toBeGreaterThanOrEqual(0);
  }
}
