import { bodies } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

export const purge: Section = ({ capabilities, members }) => {
  const ability = capabilities.abilities.purge;
  if (!ability.supported || !members.has('publisher')) return [];
  const counted = (count: number): number | null => (ability.count === 'exact' ? count : null);
  const cases: Case[] = [
    {
      title: `removes what is ready, keeps the queue, and says ${ability.count === 'exact' ? 'how many' : 'that it does not know how many'}`,
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(7));
        await bench.expectCount(queue, 'ready', 7);
        const result = await queue.purge?.({ states: ['ready'], ...bench.call });
        expect(result).toEqual({ removed: counted(7) });
        await bench.expectCount(queue, 'ready', 0);
        expect(await bench.contents(queue)).toEqual([]);
        await bench.harness.afterPurge?.();
        await bench.fill(queue, bodies(1));
        expect(await bench.contents(queue)).toHaveLength(1);
      },
    },
    {
      title: 'an empty queue: nothing to remove',
      async run(bench) {
        const queue = await bench.queue();
        const result = await queue.purge?.({ states: ['ready'], ...bench.call });
        expect(result).toEqual({ removed: counted(0) });
      },
    },
    {
      title: 'aborted before it begins: removes nothing',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        const aborted = queue.purge?.({ states: ['ready'], notice: bench.notice, signal: AbortSignal.abort() });
        await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
        expect(await bench.contents(queue)).toHaveLength(2);
      },
    },
  ];
  if (ability.states.includes('delayed') && capabilities.holds.includes('delayMs')) {
    cases.push({
      title: 'removes only the states that were named',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        await bench.fill(queue, bodies(3, 10), { delayMs: 600_000 });
        const options = bench.call;
        expect(await queue.purge?.({ states: ['ready'], ...options })).toEqual({ removed: counted(2) });
        await bench.expectCount(queue, 'delayed', 3);
        await bench.fill(queue, bodies(2));
        expect(await queue.purge?.({ states: ['delayed'], ...options })).toEqual({ removed: counted(3) });
        await bench.expectCount(queue, 'delayed', 0);
        await bench.expectCount(queue, 'ready', 2);
      },
    });
  }
  if (ability.states.includes('dead')) {
    cases.push({
      title: 'removes dead letters and leaves the living',
      async run(bench) {
        const queue = await bench.queue({ deadLetters: true });
        await bench.harness.deadLetter?.(queue.name, bodies(2, 50));
        await bench.fill(queue, bodies(3));
        await bench.expectCount(queue, 'dead', 2);
        const result = await queue.purge?.({ states: ['dead'], ...bench.call });
        expect(result).toEqual({ removed: counted(2) });
        await bench.expectCount(queue, 'dead', 0);
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    });
  }
  const { together } = ability;
  if (together?.includes('in-flight') && members.has('consume')) {
    cases.push({
      title: 'of every state at once: what is in flight goes too, and does not come back',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue, { limit: 1 });
        for await (const { receipt } of consumer) receipt.hold?.();
        await queue.purge?.({ states: [...ability.states, ...together], ...bench.call });
        await consumer.close();
        expect(await bench.contents(queue)).toEqual([]);
      },
    });
  }
  return cases;
};
