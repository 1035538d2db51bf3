import type { Broker } from '../../../src/contract/broker.ts';
import type { NativeMove, NativeProgress, Queue } from '../../../src/contract/queue.ts';
import { consume, fill, never, outgoing } from './harness.ts';

/**
 * Lets messages die as SQS does it: by receiving them once too often. The counts of SQS may take `patienceMs` to
 * follow.
 */
export async function letDie(
  broker: Broker,
  queue: Queue,
  texts: readonly string[],
  patienceMs = 10_000,
): Promise<void> {
  await fill(
    queue,
    texts.map((text) => outgoing(text, queue.kind === 'fifo' ? { groupId: text } : {})),
  );
  const dead = (await queue.deadLetters?.(never))?.keptIn;
  if (dead?.place !== 'queue') throw new Error('no dead-letter queue');
  const holder = await broker.queue(dead.queue, never);
  const before = (await holder.stats(never)).ready ?? 0;
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
    const consumer = await consume(queue, { limit: texts.length });
    const released: Promise<void>[] = [];
    for await (const { receipt } of consumer) released.push(receipt.release({ failure: 'on purpose' }));
    await Promise.all(released);
    await consumer.close();
    if (((await holder.stats(never)).ready ?? 0) >= before + texts.length) return;
  }
  throw new Error('the messages did not die');
}

/** To its end. */
export async function run(move: NativeMove): Promise<{ moved: number; last: NativeProgress }> {
  let moved = 0;
  for (;;) {
    const last = await move.next({ upTo: 500 });
    moved += last.moved;
    if (last.exhausted || last.moved === 0) {
      await move.close();
      return { moved, last };
    }
  }
}
