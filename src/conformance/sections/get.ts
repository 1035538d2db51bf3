import { bodies, text } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const get: Section = ({ members }) => {
  if (!members.has('get') || !members.has('publisher')) return [];
  return [
    {
      title: 'finds a message by its id, and disturbs nothing',
      async run(bench) {
        const queue = await bench.queue();
        const ids = await bench.fill(queue, bodies(3));
        for (const [index, id] of ids.entries()) {
          if (id === null) throw new Error('sending told no id');
          const message = await queue.get?.(id, bench.signal);
          expect(message).toMatchObject({ id, queue: queue.name, state: 'ready' });
          expect(message === null || message === undefined ? null : text(message)).toBe(bodies(3)[index]);
        }
        await bench.expectCount(queue, 'ready', 3);
        bench.expectBodies(await bench.contents(queue), bodies(3));
      },
    },
    {
      title: 'null for an id that is not there, hostile ones included',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1));
        for (const id of ['no-such-id', '', '*', '0', '-1', '999999999', "'; drop table x", '../..', '{}', '\u0000']) {
          expect(await queue.get?.(id, bench.signal), JSON.stringify(id)).toBeNull();
        }
      },
    },
    {
      title: 'null for a message that was taken',
      async run(bench) {
        const queue = await bench.queue();
        const [id] = await bench.fill(queue, bodies(1));
        await bench.take(queue);
        expect(await queue.get?.(id ?? '', bench.signal)).toBeNull();
      },
    },
  ];
};
