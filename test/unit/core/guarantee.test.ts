import { expect, it } from 'vitest';
import { memoryBackend } from '../../../src/conformance/memory/backend.ts';
import { MemoryState } from '../../../src/conformance/memory/state.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { planMove } from '../../../src/core/move.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';

const signal = new AbortController().signal;
const notice = (): void => {};

/** A queue whose broker can do it at the time of the plan and not any more when the work begins. */
function changesItsMind(queue: Queue): Queue {
  let asked = 0;
  return {
    ...queue,
    nativeMove: async (request) => (asked++ === 0 ? ((await queue.nativeMove?.(request)) ?? null) : null),
  };
}

it('a native move that is not possible any more is reported as what was done instead', async () => {
  const backend = memoryBackend();
  for (const name of ['a', 'b']) backend.queues.set(name, new MemoryState(name));
  const broker = await backend.open('memory:', { connectTimeoutMs: 1000, notice, signal });
  const common = {
    ...EVERYTHING,
    ...{ max: null, ratePerSec: null, setHeaders: {}, lossy: false, notice, signal },
  };
  const source = changesItsMind(await broker.queue('a', signal));
  const target = await broker.queue('b', signal);
  const move = await planMove({ ...common, operation: 'move', source, state: 'ready', only: null, target });
  const queue = changesItsMind(await broker.queue('a', signal));
  const redrive = await planRedrive({ ...common, broker, queue, to: null, keepDeathHeaders: false });
  for (const plan of [move, redrive]) {
    expect(plan.guarantee).toBe('atomic');
    expect(await plan.run({ dryRun: false, onProgress: () => {}, signal })).toMatchObject({
      native: false,
      guarantee: 'at-least-once',
      complete: true,
    });
  }
  await broker.close();
});
