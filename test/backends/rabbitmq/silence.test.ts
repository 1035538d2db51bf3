import { type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextAt, verbsMissing } from '../../support/broker-verbs.ts';
import { CommandLine, type Ran } from '../../support/command-line.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { type Silence, type SilentProxy, silentProxy } from '../../support/silent-proxy.ts';

/**
 * A broker that is up and falls silent, after each piece that it says: every verb ends by `--timeout`, and by the first
 * interruption.
 */
const TIMEOUT_MS = 700;
const WITHIN_MS = TIMEOUT_MS + 2_000;
const INTERRUPTED_WITHIN_MS = 2_000;
/** For all pieces of one verb. */
const MOST_MS = 900_000;
/** Runs at once, of each test: they mostly wait. */
const AT_ONCE = 4;
/** Every one with `MQ_TEST_LONG=1`; elsewhere one of so many, from another one on in each case. */
const IS_LONG = process.env.MQ_TEST_LONG === '1';
const STRIDE = IS_LONG ? 1 : 12;

let vhost: RabbitmqVhost;
let line: CommandLine;
let made = 0;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  line = await CommandLine.open();
});

afterAll(async () => {
  await line.close();
  await vhost.remove();
});

interface Verb {
  readonly args: (queue: string) => readonly string[];
  readonly kinds: readonly string[];
  /** It may be done in part: exit 3. Else 5 alone will do. */
  readonly partly?: true;
  /**
   * What it has to have said to have ended well. For one whose pieces vary with the queues that other tests make
   * meanwhile: there a late piece is not known by its number.
   */
  readonly said?: (stdout: string) => string;
  /**
   * How many of the three messages are somewhere afterwards, whatever befell the run: in the queue, in the target, or
   * written out.
   */
  readonly kept?: number;
}

const ALL = ['classic', 'quorum', 'stream'];
const WORK = ['classic', 'quorum'];
const VERBS: Readonly<Record<string, Verb>> = {
  ls: { args: () => ['ls'], kinds: ['classic'] },
  top: { args: (queue) => ['top', '--once', '--interval', '100ms', queue], kinds: ALL },
  'stats of a pattern and a name': { args: (queue) => ['stats', `${queue}*`, queue], kinds: ['classic'] },
  stats: { args: (queue) => ['stats', queue], kinds: ALL },
  inspect: { args: (queue) => ['inspect', queue], kinds: ALL },
  'ls of a pattern': { args: (queue) => ['ls', `${queue}*`], kinds: ['quorum'] },
  peek: { args: (queue) => ['peek', queue], kinds: ALL, partly: true },
  enqueue: { args: (queue) => ['enqueue', queue, 'one', 'two', 'three'], kinds: ALL, partly: true },
  copy: { args: (queue) => ['copy', queue, `${queue}.to`, '--yes'], kinds: ALL, partly: true, kept: 3 },
  move: { args: (queue) => ['move', queue, `${queue}.to`, '--yes'], kinds: WORK, partly: true, kept: 3 },
  redrive: {
    args: (queue) => ['redrive', queue, '--to', `${queue}.to`, '--yes'],
    kinds: WORK,
    partly: true,
    kept: 3,
  },
  'redrive --dry-run': {
    args: (queue) => ['redrive', queue, '--to', `${queue}.to`, '--dry-run'],
    kinds: ['classic'],
    kept: 3,
  },
  drain: { args: (queue) => ['drain', queue, '--yes'], kinds: WORK, partly: true, kept: 3 },
  'drain --exec': {
    args: (queue) => ['drain', queue, '--yes', '--exec', 'cat >/dev/null'],
    kinds: WORK,
    partly: true,
  },
  'drain of what comes': {
    args: (queue) => ['drain', queue, '--yes', '--follow', '--idle', '300ms'],
    kinds: WORK,
    partly: true,
    kept: 3,
  },
  purge: { args: (queue) => ['purge', queue, '--yes'], kinds: WORK, partly: true },
  'purge with a filter': {
    args: (queue) => ['purge', queue, '--yes', '--force', '--filter', 'raw == "1"'],
    kinds: WORK,
    partly: true,
    kept: 2,
  },
  create: {
    args: (queue) => ['create', `${queue}.new`, '--dlq', `${queue}.dead`, '--max-receives', '3'],
    kinds: ['quorum'],
    partly: true,
  },
  delete: { args: (queue) => ['delete', queue, '--yes'], kinds: ALL, partly: true },
  doctor: { args: () => ['doctor'], kinds: ['classic'], said: verdicts },
  'context test': { args: () => ['context', 'test', 'c'], kinds: ['classic'] },
};

/** How each check of `doctor` ended, without its figures. */
function verdicts(stdout: string): string {
  return stdout.replace(/^(\S+ +[^:]+: [^:]+):.*$/gm, '$1');
}

test('every verb that asks a broker is tried', () => {
  expect(verbsMissing(Object.values(VERBS).map(({ args }) => args('q')))).toEqual(['pause', 'resume']);
});

/**
 * On a connection of its own: RabbitMQ 3.10 has closed one in the middle of a long run, when a queue's process crashed.
 */
async function beside<T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(vhost.url);
  try {
    return await work(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

async function makeQueue(type: string): Promise<string> {
  const name = `silent.${++made}`;
  await beside(async (channel) => {
    for (const queue of [name, `${name}.to`])
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
    for (let n = 0; n < 3; n++) channel.sendToQueue(name, Buffer.from(String(n)), { persistent: true });
    await channel.waitForConfirms();
  });
  return name;
}

/** A thousand quorum queues keep a broker busy with their ticks alone. */
async function forget(name: string): Promise<void> {
  if (!IS_LONG) return;
  await beside(async (channel) => {
    for (const queue of [name, `${name}.to`, `${name}.new`, `${name}.dead`]) await channel.deleteQueue(queue);
  });
}

interface Took {
  readonly ran: Ran;
  /** After the silence began, or the interruption. */
  readonly ms: number;
  readonly proxy: SilentProxy;
}

function through(proxy: SilentProxy): string {
  const url = new URL(vhost.mqUrl);
  url.port = String(proxy.port);
  return url.href;
}

async function envOf(url: string): Promise<Readonly<Record<string, string>>> {
  return { MQ_URL: url, ...(await contextAt(line, url)) };
}

async function runThrough(args: readonly string[], silence: Silence | null, timeoutMs = TIMEOUT_MS): Promise<Took> {
  await using proxy = await silentProxy(vhost.url, silence);
  const limits = ['--timeout', `${timeoutMs}ms`, '--connect-timeout', '5s'];
  const ran = await line.run([...args, ...limits], { env: await envOf(through(proxy)) });
  return { ran, ms: performance.now() - (proxy.silentAt ?? performance.now()), proxy };
}

async function interrupted(args: readonly string[], silence: Silence): Promise<Took & { isInterrupted: boolean }> {
  await using proxy = await silentProxy(vhost.url, silence);
  const stop = new AbortController();
  const running = line.run([...args, '--timeout', '60s'], { env: await envOf(through(proxy)), interrupt: stop.signal });
  let isOver = false;
  const ended = running.finally(() => {
    isOver = true;
  });
  await Promise.race([proxy.heard(), ended]);
  const started = performance.now();
  const isInterrupted = !isOver;
  stop.abort();
  const ran = await running;
  return { ran, ms: performance.now() - started, proxy, isInterrupted };
}

/** As many at once as wait well beside each other. */
async function each(count: number, first: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = first;
  const worker = async () => {
    while (next < count) {
      const index = next;
      next += STRIDE;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Once the broker has taken back what was on its way. Null: all that has to be somewhere is. */
async function missing(queue: string, kept: number, { stdout }: Ran): Promise<string | null> {
  const written = stdout.split('\n').filter((line) => line !== '').length;
  let found = written;
  const until = performance.now() + 15_000;
  return await beside(async (channel) => {
    do {
      const [source, target] = [await channel.checkQueue(queue), await channel.checkQueue(`${queue}.to`)];
      found = source.messageCount + target.messageCount + written;
      if (found >= kept) return null;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (performance.now() < until);
    return `${found} of ${kept} messages are left`;
  });
}

const CASES = Object.entries(VERBS)
  .flatMap(([name, verb]) => verb.kinds.map((type) => ({ ...verb, name, type })))
  .map((one, at) => ({ ...one, first: at % STRIDE }));

describe.concurrent.each(CASES)('$name on a $type queue, silent after every piece', (one) => {
  const { name, args, type, first, kept = 0, partly = false, said } = one;
  const codes = [5, ...(partly ? [3] : []), ...(name === 'doctor' ? [1] : [])];

  /** Where nothing is wrong. */
  const runWell = async (): Promise<Took> => {
    const took = await runThrough(args(await makeQueue(type)), null, 30_000);
    expect(took.ran.code, took.ran.stderr).toBe(0);
    return took;
  };
  let ranWell: Promise<Took> | null = null;
  const well = (): Promise<Took> => {
    ranWell ??= runWell();
    return ranWell;
  };
  /** How many pieces the broker says then. */
  const all = async (): Promise<number> => (await well()).proxy.passed.server;
  /**
   * Nothing that was asked for is missing when it is the farewell that gets no answer; and by chance it took fewer
   * pieces this time.
   */
  const isDone = async ({ ran, proxy }: Took, pieces: number): Promise<boolean> => {
    if (ran.code !== 0) return false;
    if (said !== undefined) return said(ran.stdout) === said((await well()).ran.stdout);
    return !proxy.isSilent || pieces >= (await all()) - FAREWELL;
  };

  test('ends within --timeout and 2 s', { timeout: MOST_MS }, async () => {
    const wrong: string[] = [];
    await each(await all(), first, async (pieces) => {
      const queue = await makeQueue(type);
      const took = await runThrough(args(queue), { after: 'server', pieces });
      const { ran, ms } = took;
      if (!(await isDone(took, pieces)) && !codes.includes(ran.code))
        wrong.push(`after ${pieces}: exit ${ran.code}: ${ran.stderr}`);
      if (ms > WITHIN_MS) wrong.push(`after ${pieces}: ${Math.round(ms)} ms`);
      const lost = kept === 0 ? null : await missing(queue, kept, ran);
      if (lost !== null) wrong.push(`after ${pieces}: ${lost}`);
      await forget(queue);
    });
    expect(wrong).toEqual([]);
  });

  test('ends within 2 s of the first interruption', { timeout: MOST_MS }, async () => {
    const wrong: string[] = [];
    await each(await all(), (first + STRIDE / 2) % STRIDE, async (pieces) => {
      const queue = await makeQueue(type);
      const { ran, ms, isInterrupted } = await interrupted(args(queue), { after: 'server', pieces });
      if (ms > INTERRUPTED_WITHIN_MS) wrong.push(`after ${pieces}: ${Math.round(ms)} ms`);
      if (isInterrupted && ran.code !== 130) wrong.push(`after ${pieces}: exit ${ran.code}: ${ran.stderr}`);
      const lost = kept === 0 ? null : await missing(queue, kept, ran);
      if (lost !== null) wrong.push(`after ${pieces}: ${lost}`);
      await forget(queue);
    });
    expect(wrong).toEqual([]);
  });
});

/** Answers to the closing of channels and connections, at most: what was asked for is there by then. */
const FAREWELL = 8;

describe.concurrent.each(CASES)('$name on a $type queue beside a silent management API', (one) => {
  const { name, args, type, first, kept = 0 } = one;
  // What nobody told is unknown, and most verbs can do without.
  const codes = [0, 3, 5, ...(name === 'doctor' ? [1] : [])];

  async function withSilentApi(queue: string, silence: Silence | null, timeoutMs = TIMEOUT_MS): Promise<Took> {
    await using proxy = await silentProxy(vhost.managementUrl, silence);
    const url = new URL(vhost.mqUrl);
    const management = new URL(vhost.managementUrl);
    management.port = String(proxy.port);
    url.searchParams.set('management', management.href);
    const limits = ['--timeout', `${timeoutMs}ms`, '--connect-timeout', '5s'];
    const ran = await line.run([...args(queue), ...limits], { env: await envOf(url.href) });
    return { ran, ms: performance.now() - (proxy.silentAt ?? performance.now()), proxy };
  }

  /** Here each question is a connection or two of its own, of which few are asked: one more or less from run to run. */
  async function pieces(): Promise<readonly number[]> {
    if (!IS_LONG) return [first % 3];
    const { ran, proxy } = await withSilentApi(await makeQueue(type), null, 30_000);
    expect(ran.code, ran.stderr).toBe(0);
    return Array.from({ length: proxy.passed.server }, (_, at) => at);
  }

  test('ends in time, too', { timeout: MOST_MS }, async () => {
    const wrong: string[] = [];
    for (const after of await pieces()) {
      const queue = await makeQueue(type);
      const { ran, ms, proxy } = await withSilentApi(queue, { after: 'server', pieces: after });
      if (proxy.isSilent && !codes.includes(ran.code)) wrong.push(`after ${after}: exit ${ran.code}: ${ran.stderr}`);
      if (ms > WITHIN_MS) wrong.push(`after ${after}: ${Math.round(ms)} ms`);
      const lost = kept === 0 ? null : await missing(queue, kept, ran);
      if (lost !== null) wrong.push(`after ${after}: ${lost}`);
      await forget(queue);
    }
    expect(wrong).toEqual([]);
  });
});

test.each(['stats', 'inspect', 'ls of a pattern'])('%s beside a silent management API ends, too', async (name) => {
  const queue = await makeQueue('classic');
  const { args } = VERBS[name] as Verb;
  await using proxy = await silentProxy(vhost.managementUrl, { after: 'server', pieces: 0 });
  const url = new URL(vhost.mqUrl);
  const management = new URL(vhost.managementUrl);
  management.port = String(proxy.port);
  url.searchParams.set('management', management.href);
  const started = performance.now();
  const ran = await line.run([...args(queue), '--url', url.href, '--timeout', `${TIMEOUT_MS}ms`]);
  expect(performance.now() - started).toBeLessThan(WITHIN_MS);
  // A figure that nobody told is unknown, and so is where dead letters go; a list is made of nothing else.
  expect(ran.code, ran.stderr).toBe(name === 'ls of a pattern' ? 5 : 0);
  if (name === 'inspect')
    expect(ran.stdout).toMatch(/dead letters\t\? \(finding dead letters needs the management API/);
});
