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
/** Runs of one verb side by side, of some verbs that are tried at once: they wait for answers that do not come. */
const AT_ONCE = 3;
/**
 * After every step with `MQ_TEST_LONG=1`. Else after one of four, from another one on for each kind and each end, so that of a step that both kinds have
 * each is tried by one of the four.
 */
const STRIDE = process.env.MQ_TEST_LONG === '1' ? 1 : 4;

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
  // To one queue: the emulator knows of these messages no queue that lost them.
  ['redrive', ({ dead, other }) => ['redrive', dead, '--to', other, '--yes']],
  ['redrive --filter', ({ queue }) => ['redrive', queue, '--filter', 'raw != "m1"', '--yes']],
  ['move', ({ queue, other }) => ['move', queue, other, '--yes']],
  ['copy', ({ queue, other }) => ['copy', queue, other, '--yes']],
  ['delete', ({ queue }) => ['delete', queue, '--yes']],
];

/** Its neighbour fauxqs does not know the sources of a dead-letter queue: there each step would read all queues. */
describe.each([
  ['standard', false],
  ['fifo', true],
] as const)('a server that falls silent (%s, emulator local-aws-sqs)', { concurrent: true }, (_title, fifo) => {
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

  async function run(
    proxy: SilentProxy,
    args: readonly string[],
    { interrupt, timeoutMs = TIMEOUT_MS }: { interrupt?: AbortSignal; timeoutMs?: number } = {},
  ) {
    // From when on nothing was said any more: what goes before may take its time.
    let silentAt: number | null = proxy.isSilent ? performance.now() : null;
    const watch = setInterval(() => {
      if (proxy.isSilent) silentAt ??= performance.now();
    }, 10);
    const url = urlOf(proxy.url.replace(/\/$/, ''));
    const line_ = ['--url', url, '--timeout', `${timeoutMs}ms`, ...args];
    const { code, stderr } = await line.run(line_, interrupt === undefined ? {} : { interrupt });
    clearInterval(watch);
    const endedAt = performance.now();
    return { code, stderr, endedAt, tookMs: endedAt - (silentAt ?? endedAt) };
  }

  const counted = new Map<string, Promise<number>>();
  /** How many pieces the server says while nothing is wrong. */
  function piecesOf(verb: string, args: (made: Made) => readonly string[]): Promise<number> {
    const count = async () => {
      await using proxy = await silentProxy(endpoint);
      const { code, stderr } = await run(proxy, args(await make()), { timeoutMs: 60_000 });
      expect(code, stderr).toBe(0);
      return proxy.passed.server;
    };
    const pieces = counted.get(verb) ?? count();
    counted.set(verb, pieces);
    return pieces;
  }

  const each = async (pieces: number, first: number, work: (at: number) => Promise<void>): Promise<void> => {
    const numbers = Array.from({ length: pieces }, (_, at) => at)
      .filter((at) => at % STRIDE === first % STRIDE)
      .values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const at of numbers) await work(at);
      }),
    );
  };

  it.each(VERBS)(
    '%s ends within --timeout and two seconds, after whatever step',
    { timeout: 180_000 },
    async (verb, args) => {
      const pieces = await piecesOf(verb, args);
      expect(pieces).toBeGreaterThan(0);
      await each(pieces, fifo ? 1 : 0, async (at) => {
        const made = await make();
        await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
        const { code, stderr, tookMs } = await run(proxy, args(made));
        const said = `silent after ${at} of ${pieces}: exit ${code} after ${Math.round(tookMs)} ms, ${stderr}`;
        expect(tookMs, said).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
        // The last pieces may be missed without harm; so may giving back, where that is told: each is seen again by itself.
        const isHarmless = at >= pieces - 1 || !proxy.isSilent || stderr.includes('could not be given back at once');
        expect([3, 5, ...(isHarmless ? [0] : [])], said).toContain(code);
      });
    },
  );

  it.each(VERBS)(
    '%s ends within two seconds of an interruption, after whatever step',
    { timeout: 180_000 },
    async (verb, args) => {
      const pieces = await piecesOf(verb, args);
      await each(pieces, fifo ? 3 : 2, async (at) => {
        const made = await make();
        await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
        const interrupt = new AbortController();
        let interruptedAt = Number.POSITIVE_INFINITY;
        const interrupted = wait(TIMEOUT_MS / 3).then(() => {
          interruptedAt = performance.now();
          interrupt.abort();
        });
        const { code, stderr, endedAt } = await run(proxy, args(made), { interrupt: interrupt.signal });
        await interrupted;
        const said = `silent after ${at} of ${pieces}: exit ${code}, ${stderr}`;
        expect(endedAt - interruptedAt, said).toBeLessThan(MARGIN_MS);
      });
    },
  );
});
