import type { Queue } from '../../contract/queue.ts';
import { locateDeadLetters } from '../../core/dead-letters.ts';
import type { Filter } from '../../core/filter.ts';
import { planMove } from '../../core/move.ts';
import type { Plan } from '../../core/plan.ts';
import { planPurge } from '../../core/purge.ts';
import { planRedrive } from '../../core/redrive.ts';
import type { AnyReport } from '../../core/report.ts';
import { EVERYTHING, type SelectionOptions } from '../../core/selection.ts';
import { type Bench, bodies, eventually, text } from '../bench.ts';
import { brokenQueue } from '../broken-queue.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';
import { redriveOf } from '../redrive.ts';

const COUNT = 6;

/** The ways of one act that have to give one answer: what is chosen, and how it is carried out. */
const ALL: Filter = { text: 'true', matches: () => true };
const HALF: Filter = { text: 'body.n <= 3', matches: ({ body }) => Number(/\d+/.exec(text({ body }))?.[0]) <= 3 };
const CHOICES: readonly (readonly [string, Partial<SelectionOptions>, number])[] = [
  ['all', {}, COUNT],
  ['a filter that is true of all', { filter: ALL }, COUNT],
  ['a filter that is true of three', { filter: HALF }, 3],
];

/**
 * Whole and filtered, dry and real, native and by hand, by the queue's name and by the dead-letter queue's name: one
 * selection, one answer.
 */
export const agreement: Section = ({ capabilities, members }) => {
  const cases: Case[] = [];
  const { abilities } = capabilities;
  if (!members.has('publisher') || !members.has('consume')) return cases;
  for (const [choice, selection, expected] of CHOICES) {
    // Without a look, it is unknown beforehand for which messages a filter is true.
    if (selection.filter !== undefined && !abilities.peek.supported) continue;
    if (abilities.move.supported)
      cases.push({
        title: `move of ${choice}: the dry run, the run and the run by hand say and do the same`,
        async run(bench) {
          for (const way of ['as it likes', 'by hand'] as const) {
            const source = await filled(bench);
            const target = await bench.queue();
            const from = way === 'by hand' ? brokenQueue(source, null) : source;
            const plan = await planMove({
              ...{ ...EVERYTHING, ...selection, operation: 'move', source: from, state: 'ready', only: null, target },
              ...{ max: null, ratePerSec: null, setHeaders: {}, lossy: false, force: true },
              ...bench.call,
            });
            await dryThenReal(bench, plan, expected, way);
            expect(await bench.contents(target), way).toHaveLength(expected);
            expect(await bench.contents(source), way).toHaveLength(COUNT - expected);
          }
        },
      });
    const { purge } = abilities;
    if (purge.supported && purge.states.includes('ready'))
      cases.push({
        title: `purge of ${choice}: the dry run and the run say and do the same`,
        async run(bench) {
          const queue = await filled(bench);
          const report = await dryThenReal(bench, await purgePlan(bench, queue, 'ready', selection), expected);
          await bench.harness.afterPurge?.();
          expect(await bench.contents(queue)).toHaveLength(COUNT - expected);
          expect(report.left).toBe(selection.filter === undefined ? 0 : COUNT - expected);
        },
      });
    if (abilities.deadLetters.supported && abilities.redrive.supported)
      cases.push({
        title: `redrive of ${choice}: by either name, the dry run and the run say and do the same`,
        async run(bench) {
          for (const way of ['by the queue', 'by where they are kept'] as const) {
            const { queue, holder } = await withDead(bench);
            const named = way === 'by the queue' ? queue : holder;
            const request = redriveOf(await bench.broker(), named, {
              ...{ ...EVERYTHING, ...selection, force: true, ...bench.call },
            });
            await dryThenReal(bench, await planRedrive(request), expected, way);
            await bench.expectCount(queue, 'ready', expected);
            await bench.expectCount(queue, 'dead', COUNT - expected);
          }
        },
      });
    if (abilities.deadLetters.supported && purge.supported)
      cases.push({
        title: `purge of the dead, ${choice}: the dry run and the run say and do the same`,
        async run(bench) {
          const { queue } = await withDead(bench);
          await bench.fill(queue, bodies(2, 100));
          await dryThenReal(bench, await purgePlan(bench, queue, 'dead', selection), expected);
          await bench.harness.afterPurge?.();
          await bench.expectCount(queue, 'dead', COUNT - expected);
          await bench.expectCount(queue, 'ready', 2);
        },
      });
  }
  return cases;
};

async function filled(bench: Bench): Promise<Queue> {
  const queue = await bench.queue();
  await bench.fill(queue, bodies(COUNT));
  await bench.expectCount(queue, 'ready', COUNT);
  return queue;
}

async function withDead(bench: Bench): Promise<{ readonly queue: Queue; readonly holder: Queue }> {
  const queue = await bench.queue({ deadLetters: true });
  const { deadLetter } = bench.harness;
  if (deadLetter === undefined) throw new Error('the harness of a kind that keeps dead letters needs deadLetter');
  await deadLetter.call(bench.harness, queue.name, bodies(COUNT));
  await eventually(() => bench.expectCount(queue, 'dead', COUNT));
  const { holder } = await locateDeadLetters(await bench.broker(), queue, bench.signal);
  return { queue, holder };
}

async function purgePlan(
  bench: Bench,
  queue: Queue,
  state: 'ready' | 'dead',
  selection: Partial<SelectionOptions>,
): Promise<Plan> {
  return planPurge({
    ...{ ...EVERYTHING, ...selection, broker: await bench.broker(), queue, state, backup: null, force: true },
    ...bench.call,
  });
}

async function dryThenReal(bench: Bench, plan: Plan, expected: number, way = ''): Promise<AnyReport> {
  const options = { onProgress: () => {}, signal: bench.signal };
  const dry = await plan.run({ ...options, dryRun: true });
  expect(dry, `dry ${way}`).toMatchObject({ moved: expected, failed: 0, skipped: 0, complete: true });
  const real = await plan.run({ ...options, dryRun: false });
  // A broker that does not say how many it removed is believed, but counts nothing.
  const { moved } = real;
  expect(real, `real ${way}`).toMatchObject({ failed: 0, skipped: 0, unknown: 0, complete: true });
  if (moved !== null) expect(moved, `real ${way}`).toBe(expected);
  return real;
}
