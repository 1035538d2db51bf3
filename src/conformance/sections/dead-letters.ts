import type { Queue } from '../../contract/queue.ts';
import { planRedrive } from '../../core/redrive.ts';
import { type Bench, bodies } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { deadOf, locate, sourcesIn } from '../dead.ts';
import { expect } from '../expect.ts';
import { redriveOf } from '../redrive.ts';

export const deadLetters: Section = ({ capabilities, members }) => {
  const ability = capabilities.abilities.deadLetters;
  if (!ability.supported || !members.has('publisher')) return [];
  const cases: Case[] = [
    {
      title: 'says where they are kept',
      async run(bench) {
        const queue = await bench.queue({ deadLetters: true });
        const { links } = await locate(bench, queue);
        expect(links).toBeDefined();
        const own = await queue.deadLetters?.(bench.signal);
        expect(own?.keptIn.place).toBe(ability.keptIn);
        if (own?.keptIn.place === 'queue') expect(await sourcesIn(links)).toContain(queue.name);
      },
    },
    {
      title: 'a queue without any has none',
      async run(bench) {
        const queue = await bench.queue({ deadLetters: true });
        const { holder, state } = await locate(bench, queue);
        expect(await bench.contents(holder, state)).toEqual([]);
        await bench.expectCount(queue, 'dead', 0);
      },
    },
    {
      title: 'shows each with where it died, and the living do not count',
      async run(bench) {
        const queue = await bench.queue({ deadLetters: true });
        const dead = await deadOf(bench, queue, bodies(3));
        expect(dead.map((message) => Buffer.from(message.body).toString()).toSorted()).toEqual(bodies(3));
        for (const message of dead) {
          expect(message.dead).not.toBeNull();
          expect([queue.name, null]).toContain(message.dead?.from);
          expect(message.dead?.replays).toBe(0);
          if (message.dead?.at != null) expect(Math.abs(message.dead.at - Date.now())).toBeLessThan(120_000);
        }
        await bench.fill(queue, bodies(2, 10));
        await bench.expectCount(queue, 'dead', 3);
        await bench.expectCount(queue, 'ready', 2);
      },
    },
    {
      title: 'restores a message as it was before it died',
      async run(bench) {
        const queue = await bench.queue({ deadLetters: true });
        const [message] = await deadOf(bench, queue, bodies(1));
        if (message === undefined) throw new Error('no dead letter');
        const { links } = await locate(bench, queue);
        const restored = links.restore(message, { keepDeathHeaders: false });
        expect(restored.dead).toBeNull();
        expect(Buffer.compare(restored.body, message.body)).toBe(0);
        expect(restored.headers).toEqual({});
        for (const field of ['contentType', 'priority', 'groupId', 'name'] as const) {
          expect(restored[field], field).toEqual(message[field]);
        }
      },
    },
  ];
  if (capabilities.abilities.redrive.supported) {
    cases.push(
      {
        title: 'redrive puts all of them back, ready, and none stays dead',
        async run(bench) {
          const queue = await bench.queue({ deadLetters: true });
          await deadOf(bench, queue, bodies(5));
          const report = await redrive(bench, queue, null);
          expect(report).toMatchObject({ matched: 5, moved: 5, skipped: 0, failed: 0, unknown: 0, complete: true });
          await bench.expectCount(queue, 'dead', 0);
          await bench.expectCount(queue, 'ready', 5);
          const alive = await bench.contents(queue);
          expect(alive.map((message) => Buffer.from(message.body).toString()).toSorted()).toEqual(bodies(5));
          for (const message of alive) expect(message).toMatchObject({ state: 'ready', headers: {} });
        },
      },
      {
        title: 'redrive of at most a number leaves the others dead',
        async run(bench) {
          const queue = await bench.queue({ deadLetters: true });
          await deadOf(bench, queue, bodies(4));
          expect(await redrive(bench, queue, 3)).toMatchObject({ moved: 3, complete: true });
          await bench.expectCount(queue, 'dead', 1);
          await bench.expectCount(queue, 'ready', 3);
        },
      },
      {
        title: 'redrive of nothing is done',
        async run(bench) {
          const queue = await bench.queue({ deadLetters: true });
          expect(await redrive(bench, queue, null)).toMatchObject({ matched: 0, moved: 0, failed: 0, complete: true });
        },
      },
    );
  }
  return cases;
};

async function redrive(bench: Bench, queue: Queue, max: number | null) {
  const plan = await planRedrive(redriveOf(await bench.broker(), queue, { max, ...bench.call }));
  return plan.run({ dryRun: false, onProgress: () => {}, signal: bench.signal });
}
