import type { Queue } from '../../contract/queue.ts';
import { planMove } from '../../core/move.ts';
import type { Report } from '../../core/report.ts';
import { EVERYTHING } from '../../core/selection.ts';
import { type Bench, bodies, text } from '../bench.ts';
import { type Break, brokenQueue } from '../broken-queue.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

const COUNT = 12;

export const transfer: Section = ({ capabilities, members }) => {
  if (!capabilities.abilities.move.supported || !members.has('publisher') || !members.has('consume')) return [];
  return [
    {
      title: 'move: every message arrives once, nothing stays, headers and all',
      async run(bench) {
        const { source, target } = await two(bench, capabilities.holds.includes('headers'));
        const report = await move(bench, source, target);
        expect(report).toMatchObject({ matched: COUNT, moved: COUNT, failed: 0, unknown: 0, complete: true });
        const arrived = await bench.contents(target);
        bench.expectBodies(arrived, bodies(COUNT));
        if (capabilities.holds.includes('headers')) {
          for (const { headers } of arrived) expect(headers).toEqual({ 'x-tenant': 'acme' });
        }
        expect(await bench.contents(source)).toEqual([]);
      },
    },
    {
      title: 'move by hand, without any native help: the same',
      async run(bench) {
        const { source, target } = await two(bench);
        const report = await move(bench, brokenQueue(source, null), target);
        expect(report).toMatchObject({ moved: COUNT, native: false, complete: true });
        bench.expectBodies(await bench.contents(target), bodies(COUNT));
        expect(await bench.contents(source)).toEqual([]);
      },
    },
    {
      title: 'move of at most a number: the rest stays, in order',
      async run(bench) {
        const { source, target } = await two(bench);
        expect(await move(bench, source, target, 5)).toMatchObject({ moved: 5, complete: true });
        expect(await bench.contents(target)).toHaveLength(5);
        expect(await bench.contents(source)).toHaveLength(COUNT - 5);
      },
    },
    ...(
      [
        ['the connection of the source breaks between the confirmation and the ack', 'ack'],
        ['an ack is never answered but with an error', 'ack-refused'],
        ['the target refuses one message', 'send-fails'],
        ['the answer of the target is lost', 'send-unknown'],
        ['taking breaks off in the middle', 'take'],
      ] as const satisfies readonly (readonly [string, Break])[]
    ).map(([what, where]) => ({
      title: `${what}: nothing is lost, and the report says what may be in both places`,
      async run(bench: Bench) {
        const { source, target } = await two(bench);
        const broker = await bench.connect();
        const fragile = await broker.queue(source.name, bench.signal);
        const cut = () => broker.close();
        const report = await move(bench, brokenQueue(fragile, where, cut), brokenTarget(target, where));
        const here = (await bench.contents(source)).map(text);
        const there = (await bench.contents(target)).map(text);
        expect(new Set([...here, ...there]), 'every message is somewhere').toEqual(new Set(bodies(COUNT)));
        const twice = here.filter((body) => there.includes(body));
        expect(twice.length, 'twice').toBeLessThanOrEqual(report.unknown);
        expect(here.length + there.length).toBe(COUNT + twice.length);
        expect(there.length).toBeLessThanOrEqual(report.moved + report.unknown);
        expect(report.matched).toBe(report.moved + report.skipped + report.failed + report.unknown);
        if (where === 'send-fails') expect(report).toMatchObject({ failed: 1, moved: COUNT - 1, unknown: 0 });
        else expect(report.complete).toBe(false);
        if (where === 'ack' || where === 'ack-refused' || where === 'send-unknown') {
          expect(report.unknown).toBeGreaterThan(0);
        }
      },
    })),
    {
      title: 'interrupted by the operator: what was not moved is where it was',
      async run(bench) {
        const { source, target } = await two(bench);
        const stop = new AbortController();
        const hand = brokenQueue(source, null);
        const report = await move(bench, hand, target, null, stop, (done) => done >= 3 && stop.abort());
        const here = (await bench.contents(source)).map(text);
        const there = (await bench.contents(target)).map(text);
        expect([...here, ...there].toSorted()).toEqual(bodies(COUNT).toSorted());
        expect(there).toHaveLength(report.moved);
        expect(report).toMatchObject({ complete: false, unknown: 0 });
      },
    },
  ];
};

function brokenTarget(target: Queue, where: Break): Queue {
  return where === 'send-fails' || where === 'send-unknown' ? brokenQueue(target, where) : target;
}

async function two(bench: Bench, withHeaders = false): Promise<{ readonly source: Queue; readonly target: Queue }> {
  const source = await bench.queue();
  const target = await bench.queue();
  await bench.fill(source, bodies(COUNT), withHeaders ? { headers: { 'x-tenant': 'acme' } } : {});
  await bench.expectCount(source, 'ready', COUNT);
  return { source, target };
}

async function move(
  bench: Bench,
  source: Queue,
  target: Queue,
  max: number | null = null,
  stop: AbortController = new AbortController(),
  onDone: (done: number) => void = () => {},
): Promise<Report> {
  const plan = await planMove({
    ...EVERYTHING,
    operation: 'move',
    source,
    state: 'ready',
    only: null,
    target,
    max,
    ratePerSec: null,
    setHeaders: {},
    lossy: false,
    window: 4,
    ...bench.call,
  });
  const report = await plan.run({ dryRun: false, onProgress: ({ done }) => onDone(done), signal: stop.signal });
  const { matched, moved } = report;
  if (matched === null || moved === null) throw new Error('a move must count what it moves');
  return { ...report, matched, moved };
}
