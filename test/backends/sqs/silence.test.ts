import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { CommandLine } from '../../support/command-line.ts';
import { sqs } from '../../support/servers.ts';
import { type SilentProxy, silentProxy } from '../../support/silent-proxy.ts';
import { createQueue, fill, never, openAt, outgoing, uniqueName, urlOf } from '../../support/sqs/harness.ts';

const TIMEOUT_MS = 1_000;
/** What a verb may take beyond `--timeout`, and in all after an interruption. */
const MARGIN_MS = 2_000;
/** Runs wait for answers that do not come, so many can go side by side. */
const AT_ONCE = 8;

interface Made {
  readonly queue: string;
  readonly dead: string;
  readonly other: string;
}

const VERBS: readonly (readonly [string, (made: Made) => readonly string[]])[] = [
  ['ls', () => ['ls', 'quiet-*']],
  ['stats', ({ queue }) => ['stats', queue]],
  ['inspect', ({ queue }) => ['inspect', queue]],
  ['peek', ({ queue }) => ['peek', queue]],
  ['enqueue', ({ queue }) => ['enqueue', queue, 'one', 'two', ...(queue.endsWith('.fifo') ? ['--group', 'g'] : [])]],
  ['purge', ({ queue }) => ['purge', queue, '--yes']],
  ['purge --filter', ({ queue }) => ['purge', queue, '--filter', 'raw != "m1"', '--yes']],
  ['drain', ({ queue }) => ['drain', queue]],
  ['redrive', ({ dead }) => ['redrive', dead, '--yes']],
  ['redrive --filter', ({ queue }) => ['redrive', queue, '--filter', 'raw != "m1"', '--yes']],
  ['move', ({ queue, other }) => ['move', queue, other, '--yes']],
  ['copy', ({ queue, other }) => ['copy', queue, other, '--yes']],
  ['delete', ({ queue }) => ['delete', queue, '--yes']],
];

/** Its neighbour fauxqs does not know the sources of a dead-letter queue: there each step would read all queues. */
describe.each([
  ['standard', false],
  ['fifo', true],
] as const)('a server that falls silent (%s, emulator local-aws-sqs)', (_title, fifo) => {
  let endpoint: string;
  let broker: Broker;
  let line: CommandLine;
  beforeAll(async () => {
    endpoint = (await sqs()).localSqs;
    broker = await openAt(endpoint);
    line = await CommandLine.open();
  });
  afterAll(async () => {
    await line.close();
    await broker.close();
  });

  async function make(): Promise<Made> {
    const [queue, dead, other] = ['quiet', 'quiet-dlq', 'quiet-other'].map((stem) => uniqueName(stem, fifo));
    if (queue === undefined || dead === undefined || other === undefined) throw new Error('three names');
    const source = await createQueue(broker, queue, { deadLetterQueue: dead, maxReceives: 50 });
    await createQueue(broker, other);
    const group = (i: number) => (fifo ? { groupId: `g${i % 2}`, deduplicationId: `d${i}` } : {});
    const messages = ['m0', 'm1', 'm2'].map((text, i) => outgoing(text, group(i)));
    await fill(source, messages);
    await fill(await broker.queue(dead, never), messages);
    return { queue, dead, other };
  }

  async function run(proxy: SilentProxy, args: readonly string[], interrupt?: AbortSignal) {
    // From when on nothing was said any more: what goes before may take its time.
    let silentAt: number | null = proxy.isSilent ? performance.now() : null;
    const watch = setInterval(() => {
      if (proxy.isSilent) silentAt ??= performance.now();
    }, 10);
    const url = urlOf(proxy.url.replace(/\/$/, ''));
    const line_ = ['--url', url, '--timeout', `${TIMEOUT_MS}ms`, ...args];
    const { code, stderr } = await line.run(line_, interrupt === undefined ? {} : { interrupt });
    clearInterval(watch);
    const endedAt = performance.now();
    return { code, stderr, endedAt, tookMs: endedAt - (silentAt ?? endedAt) };
  }

  /** How many pieces the server says while nothing is wrong. */
  async function piecesOf(args: (made: Made) => readonly string[]): Promise<number> {
    await using proxy = await silentProxy(endpoint);
    await run(proxy, args(await make()));
    return proxy.passed.server;
  }

  const each = async (count: number, work: (at: number) => Promise<void>): Promise<void> => {
    const numbers = Array.from({ length: count }, (_, at) => at).values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const at of numbers) await work(at);
      }),
    );
  };

  it.each(VERBS)('%s ends within --timeout and two seconds after every step', { timeout: 180_000 }, async (_, args) => {
    const pieces = await piecesOf(args);
    expect(pieces).toBeGreaterThan(0);
    await each(pieces, async (at) => {
      const made = await make();
      await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
      const { code, stderr, tookMs } = await run(proxy, args(made));
      const said = `silent after ${at} of ${pieces}: exit ${code} after ${Math.round(tookMs)} ms, ${stderr}`;
      expect(tookMs, said).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
      // The last pieces may be missed without harm.
      expect([3, 5, ...(at >= pieces - 1 || !proxy.isSilent ? [0] : [])], said).toContain(code);
    });
  });

  it.each(VERBS)('%s ends within two seconds of an interruption', { timeout: 180_000 }, async (_, args) => {
    const pieces = await piecesOf(args);
    await each(pieces, async (at) => {
      const made = await make();
      await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
      const interrupt = new AbortController();
      let interruptedAt = Number.POSITIVE_INFINITY;
      const interrupted = wait(TIMEOUT_MS / 3).then(() => {
        interruptedAt = performance.now();
        interrupt.abort();
      });
      const { code, stderr, endedAt } = await run(proxy, args(made), interrupt.signal);
      await interrupted;
      const said = `silent after ${at} of ${pieces}: exit ${code}, ${stderr}`;
      expect(endedAt - interruptedAt, said).toBeLessThan(MARGIN_MS);
    });
  });
});
