// How long another process's message waits while mq moves, purges or deletes a million in the same file (goal: under 1
// s):
//   npm run bench -- sqlite-removal [messages]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { backend } from '../../src/backends/sqlite/index.ts';
import { outgoing } from '../../src/conformance/messages.ts';
import type { Publisher, Queue } from '../../src/contract/queue.ts';
import { median, mq, run } from './measure.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const BETWEEN_MS = 5;
const signal = new AbortController().signal;
const notice = (): void => {};
const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
const url = `sqlite:${join(folder, 'queues.db')}`;
const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });

async function makeQueue(name: string): Promise<Queue> {
  await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
  return broker.queue(name, signal);
}

async function publisherOf(queue: Queue): Promise<Publisher> {
  const publisher = await queue.publisher?.({ expected: null, lossy: false, notice, signal });
  if (publisher === undefined) throw new Error('no publisher');
  return publisher;
}

async function sendOne(publisher: Publisher): Promise<void> {
  const { status } = await publisher.send(outgoing());
  if (status !== 'sent') throw new Error(`the message is ${status}`);
}

async function measure(...args: readonly string[]): Promise<void> {
  let ended = false;
  const running = run(mq(args.join(' '), ['--url', url, ...args, '--yes', '-q'])).finally(() => {
    ended = true;
  });
  const waits: number[] = [];
  while (!ended) {
    const start = performance.now();
    await sendOne(other);
    waits.push(performance.now() - start);
    await wait(BETWEEN_MS);
  }
  const { wallMs } = await running;
  const worst = Math.max(...waits);
  process.stdout.write(
    `${args.join(' ').padEnd(12)} ${(wallMs / 1000).toFixed(1)} s; another process wrote ${waits.length} messages meanwhile, each took ${median(waits).toFixed(0)} ms (median), at worst ${worst.toFixed(0)} ms\n`,
  );
}

const full = await publisherOf(await makeQueue('full'));
await makeQueue('next');
const other = await publisherOf(await makeQueue('other'));
try {
  const fill = async (): Promise<void> => {
    for (let sent = 0; sent < count; sent += 1_000)
      await Promise.all(Array.from({ length: 1_000 }, () => sendOne(full)));
  };
  await fill();
  await measure('move', 'full', 'next');
  await measure('purge', 'next');
  await fill();
  await measure('delete', 'full');
} finally {
  await broker.close();
  rmSync(folder, { recursive: true });
}
