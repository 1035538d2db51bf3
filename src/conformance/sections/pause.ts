import type { Bench } from '../bench.ts';
import { bodies } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const pause: Section = ({ members }) => {
  if (!members.has('pause') || !members.has('publisher')) return [];
  const applicationTakes = async (bench: Bench, queue: string): Promise<readonly string[]> => {
    const { applicationTakes: takes } = bench.harness;
    if (takes === undefined) throw new Error('the harness of a kind that can be paused needs applicationTakes');
    return takes.call(bench.harness, queue, 10);
  };
  return [
    {
      title: 'paused, an application gets nothing; resumed, it gets everything, in order',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        await queue.pause?.({ reason: 'incident 7', signal: bench.signal });
        await bench.fill(queue, bodies(2, 3));
        expect(await applicationTakes(bench, queue.name)).toEqual([]);
        await queue.resume?.({ signal: bench.signal });
        expect(await applicationTakes(bench, queue.name)).toEqual(bodies(4));
      },
    },
    {
      title: 'pausing twice and resuming twice are no errors',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(1));
        const { signal } = bench;
        await queue.pause?.({ reason: null, signal });
        await queue.pause?.({ reason: null, signal });
        expect(await applicationTakes(bench, queue.name)).toEqual([]);
        await queue.resume?.({ signal });
        await queue.resume?.({ signal });
        expect(await applicationTakes(bench, queue.name)).toEqual(bodies(1));
      },
    },
    {
      title: 'resuming a queue that was never paused changes nothing',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, bodies(2));
        await queue.resume?.({ signal: bench.signal });
        expect(await applicationTakes(bench, queue.name)).toEqual(bodies(2));
      },
    },
    {
      title: 'every connection sees that it is paused',
      async run(bench) {
        const queue = await bench.queue();
        await queue.pause?.({ reason: null, signal: bench.signal });
        const seen = await (await bench.connect()).queue(queue.name, bench.signal);
        expect((await seen.stats(bench.signal)).state).toBe('paused');
        await seen.resume?.({ signal: bench.signal });
        expect((await queue.stats(bench.signal)).state).toBe('running');
      },
    },
    ...(members.has('consume')
      ? [
          {
            title: 'an operator takes what is there while it is paused',
            async run(bench: Bench) {
              const queue = await bench.queue();
              await bench.fill(queue, bodies(3));
              await queue.pause?.({ reason: null, signal: bench.signal });
              expect(await bench.take(queue, { evenPaused: true })).toHaveLength(3);
              expect((await queue.stats(bench.signal)).state).toBe('paused');
              await queue.resume?.({ signal: bench.signal });
            },
          },
        ]
      : []),
    {
      title: 'what is there while it is paused is counted',
      async run(bench) {
        const queue = await bench.queue();
        await queue.pause?.({ reason: null, signal: bench.signal });
        await bench.fill(queue, bodies(3));
        await bench.expectCount(queue, 'ready', 3);
        await queue.resume?.({ signal: bench.signal });
      },
    },
  ];
};
