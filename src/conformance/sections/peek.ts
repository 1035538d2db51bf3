import { bodies, takesAway, text } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

export const peek: Section = ({ capabilities, members }) => {
  const ability = capabilities.abilities.peek;
  if (!ability.supported || !members.has('publisher')) return [];
  const cases: Case[] = [
    {
      title: 'shows what is ready, in order, and leaves it there',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(5));
        bench.expectBodies(await bench.peek(queue), bodies(5));
        await bench.expectCount(queue, 'ready', 5);
        bench.expectBodies(await bench.peek(queue), bodies(5));
        for (const message of await bench.peek(queue))
          expect(message).toMatchObject({ queue: queue.name, state: 'ready' });
      },
    },
    {
      title: `has ${ability.effect === 'free' ? 'no price' : 'a price, and says it'}`,
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1));
        const look = await queue.peek?.({ state: 'ready', limit: 1, force: false, ...bench.call });
        if (look === undefined) throw new Error('no peek');
        for await (const _ of look);
        if (ability.effect === 'free') expect(look.price).toBeNull();
        else expect(look.price).toMatch(/\S/);
      },
    },
    {
      title: 'shows no more than asked for',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(5));
        const shown = await bench.peek(queue, { limit: 2 });
        expect(shown).toHaveLength(2);
        if (capabilities.order !== 'best-effort') bench.expectBodies(shown, bodies(2));
        await bench.expectCount(queue, 'ready', 5);
      },
    },
    {
      title: 'an empty queue shows nothing',
      async run(bench) {
        expect(await bench.peek(await bench.queue())).toEqual([]);
      },
    },
    {
      title: 'left early: everything is back, in order',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(4));
        const look = await queue.peek?.({ state: 'ready', limit: null, force: false, ...bench.call });
        if (look === undefined) throw new Error('no peek');
        for await (const _ of look) break;
        await bench.expectCount(queue, 'ready', 4);
        bench.expectBodies(await bench.contents(queue), bodies(4));
      },
    },
    {
      title: 'aborted in the middle: everything is back',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(4));
        const stop = new AbortController();
        const look = await queue.peek?.({
          state: 'ready',
          limit: null,
          force: false,
          notice: bench.notice,
          signal: stop.signal,
        });
        if (look === undefined) throw new Error('no peek');
        const seen: unknown[] = [];
        const looking = async () => {
          for await (const message of look) {
            seen.push(message);
            stop.abort();
          }
        };
        // Ending quietly and reporting ABORTED are both honest.
        await looking().catch((error: unknown) => expect(error).toMatchObject({ code: 'ABORTED' }));
        expect(seen.length).toBeGreaterThan(0);
        bench.expectBodies(await bench.contents(queue), bodies(4));
      },
    },
    {
      title: 'shows more than fits into one answer of the broker',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(250));
        const shown = await bench.peek(queue);
        expect(shown.map(text).toSorted()).toEqual(bodies(250).toSorted());
        await bench.expectCount(queue, 'ready', 250);
      },
    },
  ];
  if (members.has('consume') && takesAway(capabilities)) {
    cases.push({
      title: 'does not show, and does not touch, what a consumer has in hand',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        // A locked group shows nothing at all, which is right too.
        const grouped = capabilities.order === 'fifo-per-group';
        const consumer = await bench.consume(queue, { limit: 1, window: 1 });
        const held: string[] = [];
        for await (const delivery of consumer) {
          held.push(text(delivery.message));
          const shown = (await bench.peek(queue)).map(text);
          if (grouped) expect(shown).not.toContain(held[0]);
          else expect(shown.toSorted()).toEqual(bodies(3).filter((body) => !held.includes(body)));
          await delivery.receipt.ack();
        }
        await consumer.close();
        expect((await bench.contents(queue)).length).toBe(2);
      },
    });
  }
  if (ability.effect === 'free' && members.has('consume')) {
    cases.push({
      title: 'copes with the removal of what it has shown already',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(300));
        const look = await queue.peek?.({ state: 'ready', limit: null, force: false, ...bench.call });
        if (look === undefined) throw new Error('no peek');
        const seen: string[] = [];
        for await (const message of look) {
          seen.push(text(message));
          if (seen.length % 100 === 0) await bench.take(queue, { limit: 100 });
        }
        expect(seen).toEqual(bodies(300));
      },
    });
  }
  if (members.has('consume') && !takesAway(capabilities)) {
    cases.push({
      title: 'still shows what a consumer of ours has in hand: it leaves the queue when it is acknowledged',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue, { limit: 1, window: 1 });
        for await (const delivery of consumer) {
          bench.expectBodies(await bench.peek(queue), bodies(3));
          await delivery.receipt.ack();
          bench.expectBodies(await bench.peek(queue), bodies(2, 2));
        }
      },
    });
  }
  if (ability.states.includes('in-flight') && members.has('consume') && takesAway(capabilities)) {
    cases.push({
      title: 'shows what is in flight',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(3));
        const consumer = await bench.consume(queue, { limit: 2, window: 2 });
        for await (const { receipt } of consumer) receipt.hold?.();
        const shown = await bench.peek(queue, { state: 'in-flight' });
        expect(shown.map(({ state }) => state)).toEqual(['in-flight', 'in-flight']);
        bench.expectBodies(shown, bodies(2));
      },
    });
  }
  if (ability.states.includes('delayed') && capabilities.holds.includes('delayMs')) {
    cases.push({
      title: 'shows what is delayed, and until when',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1), { delayMs: 600_000 });
        const [shown, ...more] = await bench.peek(queue, { state: 'delayed' });
        expect(more).toEqual([]);
        expect(shown?.state).toBe('delayed');
        expect(Math.abs((shown?.deliverAt ?? 0) - (Date.now() + 600_000))).toBeLessThan(60_000);
        expect(await bench.peek(queue)).toEqual([]);
      },
    });
  }
  return cases;
};
