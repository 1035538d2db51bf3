import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { contextAt, verbsMissing } from '../../support/broker-verbs.ts';
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
 * After every step with `MQ_TEST_LONG=1`. Else after one of eight, from another one on for each kind and each end, so
 * that of a step that both kinds have each is tried by others of the four runs.
 */
const STRIDE = process.env.MQ_TEST_LONG === '1' ? 1 : 8;

const MOST_POINTS = STRIDE === 1 ? 100 : 4;

interface Made {
  readonly queue: string;
  readonly dead: string;
  readonly other: string;
}

const VERBS: readonly (readonly [string, (made: Made) => readonly string[]])[] = [
  ['ls', () => ['ls', 'quiet-*']],
  ['top', ({ queue }) => ['top', '--once', '--interval', '100ms', queue]],
  [
    'stats of a pattern and a name',
    ({ queue, dead }) => ['stats', queue.replace('quiet', 'quie?'), dead, '-o', 'json'],
  ],
  ['stats', ({ queue }) => ['stats', queue]],
  ['inspect', ({ queue }) => ['inspect', queue]],
  ['peek', ({ queue }) => ['peek', queue]],
  ['enqueue', ({ queue }) => ['enqueue', queue, 'one', 'two', ...(queue.endsWith('.fifo') ? ['--group', 'g'] : [])]],
  ['purge', ({ queue }) => ['purge', queue, '--yes']],
  ['purge --filter', ({ queue }) => ['purge', queue, '--filter', 'raw != "m1"', '--yes']],
  ['drain', ({ queue }) => ['drain', queue]],
  ['drain --exec', ({ queue }) => ['drain', queue, '--exec', 'cat >/dev/null']],
  // To one queue: the emulator knows of these messages no queue that lost them.
  ['redrive', ({ dead, other }) => ['redrive', dead, '--to', other, '--yes']],
  ['redrive --filter', ({ queue }) => ['redrive', queue, '--filter', 'raw != "m1"', '--yes']],
  ['move', ({ queue, other }) => ['move', queue, other, '--yes']],
  ['copy', ({ queue, other }) => ['copy', queue, other, '--yes']],
  ['move --filter', ({ queue, other }) => ['move', queue, other, '--filter', 'raw != "m1"', '--yes']],
  ['create', ({ queue }) => ['create', `new-${queue}`, '--dlq', `new-dead-${queue}`, '--max-receives', '3']],
  ['delete', ({ queue }) => ['delete', queue, '--yes']],
  ['doctor', ({ queue }) => ['doctor', '--queue', queue]],
  ['context test', () => ['context', 'test', 'c']],
];

/** What they ask is the same for both kinds. */
const KINDLESS: ReadonlySet<string> = new Set(['ls', 'doctor', 'context test']);

/**
 * What these print when the silence took nothing that was asked for: one queue's figures are unknown beside those that
 * came, and a queue that SQS has confirmed is there although it was not seen afterwards.
 */
const ANSWERED: Readonly<Record<string, RegExp>> = {
  'stats of a pattern and a name': /"(ready|dead)": ?"[^"]*(did not answer|cannot be read)/,
  create: /: created new-quiet/,
};

it('every verb that asks a broker is tried', () => {
  const made = { queue: 'quiet', dead: 'quiet-dlq', other: 'quiet-other' };
  expect(verbsMissing(VERBS.map(([, args]) => args(made)))).toEqual(['pause', 'resume']);
});

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

  const verbs = VERBS.filter(([verb]) => !fifo || !KINDLESS.has(verb));

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
    // From when on an answer was waited for in vain: what goes before may take its time.
    let silentAt: number | null = null;
    void (proxy.isSilent ? proxy.spokenTo() : proxy.heard()).then(() => {
      silentAt = performance.now();
    });
    const url = urlOf(proxy.url.replace(/\/$/, ''));
    const env = { MQ_URL: url, ...(await contextAt(line, url)) };
    const timed = [...args, '--timeout', `${timeoutMs}ms`];
    const { code, stdout, stderr } = await line.run(timed, { env, ...(interrupt === undefined ? {} : { interrupt }) });
    const endedAt = performance.now();
    return { code, stdout, stderr, endedAt, tookMs: endedAt - (silentAt ?? endedAt) };
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
    // Where all queues of the emulator are read, most pieces tell the same of another one.
    const stride = Math.max(STRIDE, Math.ceil(pieces / MOST_POINTS));
    const numbers = Array.from({ length: pieces }, (_, at) => at)
      .filter((at) => at % stride === first % stride)
      .values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const at of numbers) await work(at);
      }),
    );
  };

  it.each(verbs)(
    '%s ends within --timeout and two seconds, after whatever step',
    { timeout: 900_000 },
    async (verb, args) => {
      const pieces = await piecesOf(verb, args);
      expect(pieces).toBeGreaterThan(0);
      await each(pieces, fifo ? 2 : 0, async (at) => {
        const made = await make();
        await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
        const { code, stderr, stdout, tookMs } = await run(proxy, args(made));
        const said = `silent after ${at} of ${pieces}: exit ${code} after ${Math.round(tookMs)} ms, ${stderr}`;
        expect(tookMs, said).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
        // The last pieces may be missed without harm; so may giving back, where that is told: each is seen again by
        // itself.
        const isHarmless = at >= pieces - 1 || !proxy.isSilent || stderr.includes('could not be given back at once');
        const isAnswered = ANSWERED[verb]?.test(stdout + stderr) === true;
        // `top` shows the reading that it has; `doctor` says what it found of each of its checks.
        const own = verb === 'top' ? [0] : verb === 'doctor' ? [0, 1] : [];
        expect([3, 5, ...own, ...(isHarmless || isAnswered ? [0] : [])], said).toContain(code);
      });
    },
  );

  it.each(verbs)(
    '%s ends within two seconds of an interruption, after whatever step',
    { timeout: 900_000 },
    async (verb, args) => {
      const pieces = await piecesOf(verb, args);
      await each(pieces, fifo ? 6 : 4, async (at) => {
        const made = await make();
        await using proxy = await silentProxy(endpoint, { after: 'server', pieces: at });
        const interrupt = new AbortController();
        let interruptedAt = Number.POSITIVE_INFINITY;
        const running = run(proxy, args(made), { interrupt: interrupt.signal, timeoutMs: 60_000 });
        // Silent from the start, it has heard nothing when it has said something.
        const heard = at === 0 ? proxy.spokenTo() : proxy.heard();
        await Promise.race([heard, running]);
        interruptedAt = performance.now();
        interrupt.abort();
        const { code, stderr, endedAt } = await running;
        const said = `silent after ${at} of ${pieces}: exit ${code}, ${stderr}`;
        expect(endedAt - interruptedAt, said).toBeLessThan(MARGIN_MS);
      });
    },
  );
});
