import type { Queue } from '../../contract/queue.ts';
import { compileFilter } from '../../core/filter.ts';
import { planMove } from '../../core/move.ts';
import type { Plan } from '../../core/plan.ts';
import { planPurge } from '../../core/purge.ts';
import { planRedrive } from '../../core/redrive.ts';
import { EVERYTHING } from '../../core/selection.ts';
import { type Bench, eventually, text } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';
import { redriveOf } from '../redrive.ts';

/** As doubles, all these ids are the same. */
const ID = '9007199254740993';
const NEIGHBOURS = ['9007199254740992', '9007199254740994'];
const MARKED = `{"id":${ID},"n":3}`;
const OTHER = `{"id":${NEIGHBOURS[0]},"n":4}`;

/** An expression that names one message must be true of that message, and not of its neighbour. */
export const numbers: Section = ({ capabilities, members }) => {
  const cases: Case[] = [];
  const { abilities } = capabilities;
  if (!members.has('publisher')) return cases;
  if (abilities.peek.supported && abilities.peek.states.includes('ready'))
    cases.push({
      title: 'whole numbers of a body are compared and reckoned with as they are written',
      async run(bench) {
        const queue = await bench.queue();
        await bench.fill(queue, [MARKED, OTHER]);
        const [marked, other] = [[MARKED], [OTHER]];
        const found = await bench.contents(queue);
        for (const [source, expected] of [
          [`body.id == ${ID}`, marked],
          [`body.id == ${NEIGHBOURS[1]}`, []],
          [`body.id in [${NEIGHBOURS.join(', ')}]`, other],
          ['body.id % 2 == 1', marked],
          ['body.n % 2 == 0', other],
          ['body.n / 2 > 1.5', other],
          ['body.n in [3, 5]', marked],
          ['body.id > body.n && body.n + 1 == 4', marked],
        ] as const) {
          const filter = await compileFilter(source);
          const problems: string[] = [];
          const matched = found.filter((message) => filter.matches(message, (problem) => problems.push(problem)));
          expect(matched.map(text), source).toEqual(expected);
          expect(problems, source).toEqual([]);
        }
      },
    });
  if (members.has('consume') && abilities.purge.supported && abilities.purge.states.includes('ready'))
    cases.push({
      title: 'a purge by the id of a neighbour removes nothing, one by its own id this message alone',
      run: (bench) => purged(bench, 'ready'),
    });
  if (members.has('consume') && abilities.move.supported)
    cases.push({
      title: 'a move by the id of a neighbour moves nothing, one by its own id this message alone',
      async run(bench) {
        const source = await bench.queue();
        const target = await bench.queue();
        await bench.fill(source, [MARKED, OTHER]);
        await bench.expectCount(source, 'ready', 2);
        const moved = async (id: string | undefined) =>
          work(
            bench,
            await planMove({
              ...{ ...EVERYTHING, filter: await compileFilter(`body.id == ${id}`), operation: 'move' },
              ...{ source, state: 'ready', only: null, target, max: null, ratePerSec: null, setHeaders: {} },
              ...{ lossy: false, force: true, ...bench.call },
            }),
          );
        expect(await moved(NEIGHBOURS[1])).toMatchObject({ moved: 0, left: 2 });
        expect(await moved(ID)).toMatchObject({ moved: 1, left: 1 });
        bench.expectBodies(await bench.contents(source), [OTHER]);
        bench.expectBodies(await bench.contents(target), [MARKED]);
      },
    });
  if (abilities.deadLetters.supported && abilities.redrive.supported)
    cases.push({
      title: 'a redrive by the id of a neighbour brings nothing back, one by its own id this message alone',
      async run(bench) {
        const queue = await withDead(bench);
        const redriven = async (id: string | undefined) =>
          work(
            bench,
            await planRedrive(
              redriveOf(await bench.broker(), queue, {
                ...{ ...EVERYTHING, filter: await compileFilter(`body.id == ${id}`), force: true },
                ...bench.call,
              }),
            ),
          );
        expect(await redriven(NEIGHBOURS[1])).toMatchObject({ moved: 0, left: 2 });
        expect(await redriven(ID)).toMatchObject({ moved: 1, left: 1 });
        await bench.expectCount(queue, 'dead', 1);
        bench.expectBodies(await bench.contents(queue), [MARKED]);
      },
    });
  if (abilities.deadLetters.supported && abilities.purge.supported && members.has('consume'))
    cases.push({
      title: 'a purge of the dead by the id of a neighbour removes nothing, one by its own id this dead letter alone',
      run: (bench) => purged(bench, 'dead'),
    });
  return cases;
};

async function purged(bench: Bench, state: 'ready' | 'dead'): Promise<void> {
  const queue = state === 'dead' ? await withDead(bench) : await bench.queue();
  if (state === 'ready') await bench.fill(queue, [MARKED, OTHER]);
  await bench.expectCount(queue, state, 2);
  const purge = async (id: string | undefined) =>
    work(
      bench,
      await planPurge({
        ...{ ...EVERYTHING, filter: await compileFilter(`body.id == ${id}`), broker: await bench.broker(), queue },
        ...{ state, backup: null, force: true, ...bench.call },
      }),
    );
  expect(await purge(NEIGHBOURS[1])).toMatchObject({ moved: 0, left: 2 });
  expect(await purge(ID)).toMatchObject({ moved: 1, left: 1 });
  await bench.expectCount(queue, state, 1);
}

async function withDead(bench: Bench): Promise<Queue> {
  const queue = await bench.queue({ deadLetters: true });
  await bench.harness.deadLetter?.(queue.name, [MARKED, OTHER]);
  await eventually(() => bench.expectCount(queue, 'dead', 2));
  return queue;
}

async function work(bench: Bench, plan: Plan) {
  const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: bench.signal });
  expect(report).toMatchObject({ failed: 0, unknown: 0, skipped: 0, complete: true });
  return report;
}
