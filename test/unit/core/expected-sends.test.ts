import { expect, it } from 'vitest';
import { memoryBackend } from '../../../src/conformance/memory/backend.ts';
import { MemoryState } from '../../../src/conformance/memory/state.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';

const signal = new AbortController().signal;
const notice = (): void => {};

it('a target is told how many messages it will get only where that is known: --max is not how many a filter finds', async () => {
  const backend = memoryBackend();
  for (const name of ['a', 'b']) backend.queues.set(name, new MemoryState(name));
  const broker = await backend.open('memory:', { connectTimeoutMs: 1000, notice, signal });
  const source = await broker.queue('a', signal);
  const told: (number | null)[] = [];
  const plain = await broker.queue('b', signal);
  const target: Queue = {
    ...plain,
    async publisher(options) {
      told.push(options.expected);
      if (plain.publisher === undefined) throw new Error('the memory backend can send');
      return plain.publisher(options);
    },
  };
  const common = { ...EVERYTHING, ratePerSec: null, setHeaders: { a: 1 }, lossy: false, notice, signal };
  const filter = await compileFilter('true');
  for (const special of [{ max: 5 }, { max: null }, { max: 5, filter }, { max: null, filter }]) {
    const plans = [
      await planMove({ ...common, ...special, operation: 'move', source, state: 'ready', only: null, target }),
      await planRedrive({ ...common, ...special, broker, queue: source, to: target, keepDeathHeaders: false }),
    ];
    for (const plan of plans) await plan.run({ dryRun: false, onProgress: () => {}, signal });
  }
  expect(told).toEqual([0, 0, 0, 0, null, null, null, null]);
  await broker.close();
});
