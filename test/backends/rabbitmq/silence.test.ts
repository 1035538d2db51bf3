import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine, type Ran } from '../../support/command-line.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq-vhost.ts';
import { type Silence, type SilentProxy, silentProxy } from '../../support/silent-proxy.ts';

/** A broker that is up and falls silent, after each piece that it says: every verb ends by `--timeout`, and by the first interruption. */
const TIMEOUT_MS = 700;
const WITHIN_MS = TIMEOUT_MS + 2_000;
const INTERRUPTED_WITHIN_MS = 2_000;
/** Runs at once: they mostly wait. */
const AT_ONCE = 12;
/** Every one in a long run; elsewhere one of so many, from another one on in each case. */
const STRIDE = Number(process.env.MQ_TEST_STEPS ?? 200) >= 2_000 ? 1 : 5;

let vhost: RabbitmqVhost;
let line: CommandLine;
let connection: ChannelModel;
let channel: ConfirmChannel;
let made = 0;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  line = await CommandLine.open();
  connection = await connect(vhost.url);
  channel = await connection.createConfirmChannel();
});

afterAll(async () => {
  await connection.close();
  await line.close();
  await vhost.remove();
});

interface Verb {
  readonly args: (queue: string) => readonly string[];
  readonly kinds: readonly string[];
}

const ALL = ['classic', 'quorum', 'stream'];
const WORK = ['classic', 'quorum'];
const VERBS: Readonly<Record<string, Verb>> = {
  stats: { args: (queue) => ['stats', queue], kinds: ALL },
  inspect: { args: (queue) => ['inspect', queue], kinds: ALL },
  'ls of a pattern': { args: (queue) => ['ls', `${queue}*`], kinds: ['quorum'] },
  peek: { args: (queue) => ['peek', queue], kinds: ALL },
  enqueue: { args: (queue) => ['enqueue', queue, 'one', 'two', 'three'], kinds: ALL },
  copy: { args: (queue) => ['copy', queue, `${queue}.to`, '--yes'], kinds: ALL },
  move: { args: (queue) => ['move', queue, `${queue}.to`, '--yes'], kinds: WORK },
  redrive: { args: (queue) => ['redrive', queue, '--to', `${queue}.to`, '--yes'], kinds: WORK },
  drain: { args: (queue) => ['drain', queue, '--yes'], kinds: WORK },
  'drain of what comes': { args: (queue) => ['drain', queue, '--yes', '--follow', '--idle', '300ms'], kinds: WORK },
  purge: { args: (queue) => ['purge', queue, '--yes'], kinds: WORK },
  'purge with a filter': {
    args: (queue) => ['purge', queue, '--yes', '--force', '--filter', 'raw == "1"'],
    kinds: WORK,
  },
  delete: { args: (queue) => ['delete', queue, '--yes'], kinds: ['quorum'] },
  doctor: { args: () => ['doctor'], kinds: ['classic'] },
};

async function makeQueue(type: string): Promise<string> {
  const name = `silent.${++made}`;
  for (const queue of [name, `${name}.to`])
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
  for (let n = 0; n < 3; n++) channel.sendToQueue(name, Buffer.from(String(n)), { persistent: true });
  await channel.waitForConfirms();
  return name;
}

interface Took {
  readonly ran: Ran;
  readonly ms: number;
  readonly proxy: SilentProxy;
}

function through(proxy: SilentProxy): string {
  const url = new URL(vhost.mqUrl);
  url.port = String(proxy.port);
  return url.href;
}

/** `interruptMs`: that long after the silence began. */
async function runThrough(args: readonly string[], silence: Silence | null, timeoutMs = TIMEOUT_MS): Promise<Took> {
  await using proxy = await silentProxy(vhost.url, silence);
  const started = performance.now();
  const limits = ['--timeout', `${timeoutMs}ms`, '--connect-timeout', '5s'];
  const ran = await line.run([...args, '--url', through(proxy), ...limits]);
  return { ran, ms: performance.now() - started, proxy };
}

async function interrupted(args: readonly string[], silence: Silence): Promise<Took & { isInterrupted: boolean }> {
  await using proxy = await silentProxy(vhost.url, silence);
  const stop = new AbortController();
  const running = line.run([...args, '--url', through(proxy), '--timeout', '60s'], { interrupt: stop.signal });
  let isOver = false;
  void running.finally(() => {
    isOver = true;
  });
  while (!proxy.isSilent && !isOver) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const started = performance.now();
  const isInterrupted = !isOver;
  stop.abort();
  const ran = await running;
  return { ran, ms: performance.now() - started, proxy, isInterrupted };
}

/** As many at once as wait well beside each other. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = made % STRIDE;
  const worker = async () => {
    while (next < count) {
      const index = next;
      next += STRIDE;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const CASES = Object.entries(VERBS).flatMap(([name, { args, kinds }]) => kinds.map((type) => ({ name, args, type })));

describe.each(CASES)('$name on a $type queue, silent after every piece', ({ args, type }) => {
  test('ends within --timeout and 2 s', { timeout: 180_000 }, async () => {
    const whole = await runThrough(args(await makeQueue(type)), null, 30_000);
    expect(whole.ran.code, whole.ran.stderr).toBe(0);
    const wrong: string[] = [];
    await each(whole.proxy.passed.server, async (pieces) => {
      const { ran, ms, proxy } = await runThrough(args(await makeQueue(type)), { after: 'server', pieces });
      // Nothing that was asked for is missing when it is the farewell that gets no answer; and by chance it took fewer pieces this time.
      const isDone = ran.code === 0 && (!proxy.isSilent || pieces >= whole.proxy.passed.server - FAREWELL);
      const isDoctor = ran.code === 1 && args('')[0] === 'doctor';
      if (!isDone && !isDoctor && ran.code !== 5 && ran.code !== 3)
        wrong.push(`after ${pieces}: exit ${ran.code}: ${ran.stderr}`);
      if (ms > WITHIN_MS) wrong.push(`after ${pieces}: ${Math.round(ms)} ms`);
    });
    expect(wrong).toEqual([]);
  });

  test('ends within 2 s of the first interruption', { timeout: 180_000 }, async () => {
    const whole = await runThrough(args(await makeQueue(type)), null, 30_000);
    const wrong: string[] = [];
    await each(whole.proxy.passed.server, async (pieces) => {
      const { ran, ms, isInterrupted } = await interrupted(args(await makeQueue(type)), { after: 'server', pieces });
      if (ms > INTERRUPTED_WITHIN_MS) wrong.push(`after ${pieces}: ${Math.round(ms)} ms`);
      if (isInterrupted && ran.code !== 130) wrong.push(`after ${pieces}: exit ${ran.code}: ${ran.stderr}`);
    });
    expect(wrong).toEqual([]);
  });
});

/** Answers to the closing of channels and connections, at most: what was asked for is there by then. */
const FAREWELL = 8;

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
  // A figure that nobody told is unknown; a list is made of nothing else.
  expect(ran.code, ran.stderr).toBe(name === 'ls of a pattern' ? 5 : 0);
});
