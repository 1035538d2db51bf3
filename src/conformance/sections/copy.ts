import type { Queue } from '../../contract/queue.ts';
import { planMove } from '../../core/move.ts';
import type { AnyReport } from '../../core/report.ts';
import { EVERYTHING } from '../../core/selection.ts';
import { type Bench, bodies } from '../bench.ts';
import { brokenQueue } from '../broken-queue.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

const COUNT = 6;

/** The operator's copy, carried out on this kind: whatever happens at the target, the source keeps all messages. */
export const copying: Section = ({ capabilities, members }) => {
  if (!capabilities.abilities.copy.supported || !members.has('publisher') || !members.has('consume')) return [];
  return [
    {
      title: 'every message arrives once, and all of them stay, in their order',
      async run(bench) {
        const { source, target } = await two(bench);
        expect(await copy(bench, source, target)).toMatchObject({ moved: COUNT, failed: 0, complete: true });
        bench.expectBodies(await bench.contents(target), bodies(COUNT));
        bench.expectBodies(await bench.contents(source), bodies(COUNT));
      },
    },
    {
      title: 'the target refuses one message: the others arrive, and all of them stay',
      async run(bench) {
        const { source, target } = await two(bench);
        const report = await copy(bench, source, brokenQueue(target, 'send-fails'));
        expect(report).toMatchObject({ moved: COUNT - 1, failed: 1 });
        expect(await bench.contents(target)).toHaveLength(COUNT - 1);
        bench.expectBodies(await bench.contents(source), bodies(COUNT));
      },
    },
  ];
};

async function two(bench: Bench): Promise<{ readonly source: Queue; readonly target: Queue }> {
  const source = await bench.queue();
  const target = await bench.queue();
  await bench.fill(source, bodies(COUNT));
  await bench.expectCount(source, 'ready', COUNT);
  return { source, target };
}

async function copy(bench: Bench, source: Queue, target: Queue): Promise<AnyReport> {
  const plan = await planMove({
    ...{ ...EVERYTHING, operation: 'copy', source, state: 'ready', only: null, target },
    ...{ max: null, ratePerSec: null, setHeaders: {}, lossy: false, force: true, ...bench.call },
  });
  return plan.run({ dryRun: false, onProgress: () => {}, signal: bench.signal });
}
