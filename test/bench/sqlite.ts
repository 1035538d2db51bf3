// How fast the SQLite backend is on this machine: `node test/bench/sqlite.ts [messages] [bodyBytes]`, Node 22.18 or
// newer. Prints one JSON object a line.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { backend } from '../../src/backends/sqlite/index.ts';
import { outgoing } from '../../src/conformance/messages.ts';
import type { Queue } from '../../src/contract/queue.ts';

// As `mq` runs: a small young generation keeps the memory low, and is no slower.
setFlagsFromString('--max-semi-space-size=4');
setFlagsFromString('--semi-space-growth-factor=1');

const count = Number(process.argv[2] ?? 100_000);
const body = Buffer.alloc(Number(process.argv[3] ?? 200), 'x');
const WINDOW = 500;
const signal = new AbortController().signal;
const notice = (): void => {};
const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
const broker = await backend.open(`sqlite:${join(folder, 'queues.db')}`, { connectTimeoutMs: 5000, notice, signal });

async function newQueue(name: string): Promise<Queue> {
  await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives: 1, settings: {}, signal });
  return broker.queue(name, signal);
}

async function measure(step: string, work: () => Promise<number>): Promise<void> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  const start = performance.now();
  const messages = await work();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  console.log(
    JSON.stringify({ step, messages, perSec: Math.round(messages / seconds), peakMb: Math.round(peak / 1e6) }),
  );
}

/** At most `WINDOW` in the air. */
class Window {
  readonly #air = new Set<Promise<void>>();

  async add(work: Promise<unknown>): Promise<void> {
    const settled: Promise<void> = work.then(() => void this.#air.delete(settled));
    this.#air.add(settled);
    if (this.#air.size >= WINDOW) await Promise.race(this.#air);
  }

  async empty(): Promise<void> {
    await Promise.all(this.#air);
  }
}

try {
  const [queue, other] = [await newQueue('q'), await newQueue('other')];
  await measure('send', async () => {
    const publisher = await queue.publisher?.({ expected: count, lossy: false, notice, signal });
    const window = new Window();
    for (let i = 0; i < count; i++) {
      const sent = publisher?.send(outgoing({ body }));
      await window.add(Promise.resolve(sent));
    }
    await window.empty();
    return (await queue.stats(signal)).ready ?? 0;
  });
  await measure('peek', async () => {
    let seen = 0;
    for await (const _ of (await queue.peek?.({ state: 'ready', limit: null, force: false, notice, signal })) ?? [])
      seen += 1;
    return seen;
  });
  const take = async (from: Queue, settle: 'ack' | 'fail'): Promise<number> => {
    const consumer = await from.consume?.({
      state: 'ready',
      limit: null,
      window: 2 * WINDOW,
      follow: false,
      idleMs: null,
      notice,
      signal,
    });
    const window = new Window();
    let taken = 0;
    for await (const { receipt } of consumer ?? []) {
      taken += 1;
      await window.add(settle === 'ack' ? receipt.ack() : receipt.release({ failure: 'failed' }));
    }
    await window.empty();
    await consumer?.close();
    return taken;
  };
  await measure('take and fail', () => take(queue, 'fail'));
  const moveAll = async (from: Queue, state: 'ready' | 'dead', to: Queue | 'origin'): Promise<number> => {
    const move = await from.nativeMove?.({
      state,
      to,
      selective: false,
      limit: null,
      countReplay: true,
      notice,
      signal,
    });
    let moved = 0;
    for (let more = move !== undefined && move !== null; more; ) {
      const page = await move?.next({ upTo: 500 });
      moved += page?.moved ?? 0;
      more = page?.exhausted === false;
    }
    return moved;
  };
  await measure('redrive', () => moveAll(queue, 'dead', 'origin'));
  await measure('move', () => moveAll(queue, 'ready', other));
  await measure('take and ack', () => take(other, 'ack'));
} finally {
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
}
