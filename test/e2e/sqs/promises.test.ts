import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import type { Report } from '../../../src/core/report.ts';
import { type Finished, type Running, startMq } from '../../support/mq.ts';
import { sqs } from '../../support/servers.ts';
import { FaultProxy, refusal } from '../../support/sqs/fault-proxy.ts';
import {
  AT_ONCE,
  bodies,
  collect,
  consume,
  createQueue,
  fill,
  never,
  openAt,
  outgoing,
  takeAll,
  uniqueName,
  urlOf,
} from '../../support/sqs/harness.ts';

const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const TEXTS = Array.from({ length: 45 }, (_, at) => `message ${at}`);

let proxy: FaultProxy;
let broker: Broker;

function connectTo(emulator: 'fauxqs' | 'localSqs'): void {
  beforeAll(async () => {
    const endpoint = (await sqs())[emulator];
    proxy = await FaultProxy.start(endpoint);
    broker = await openAt(endpoint);
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    await broker.close();
    await proxy.stop();
  });
}

function start(args: readonly string[], parameters = AT_ONCE, more: Readonly<Record<string, string>> = {}): Running {
  return startMq(['--url', urlOf(proxy.url, parameters), ...args], { env: { ...env, ...more } });
}

const HEARD = 'the signal was heard';
/** Has Node say that it has heard a signal, in the same turn in which the program hears it. */
const SAYS_HEARD = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.stderr.write('${HEARD}'));`,
  )}`,
};

const mq = (args: readonly string[], parameters?: string): Promise<Finished> => start(args, parameters).finished;

/** Messages that SQS handed out through the proxy. */
function received(): number {
  return proxy
    .of('ReceiveMessage')
    .reduce((sum, { output }) => sum + ((output?.Messages as unknown[] | undefined)?.length ?? 0), 0);
}

async function filled(texts: readonly string[], fifo = false): Promise<{ queue: Queue; dead: Queue }> {
  const deadName = uniqueName('promise-dlq', fifo);
  const queue = await createQueue(broker, uniqueName('promise', fifo), { deadLetterQueue: deadName, maxReceives: 50 });
  const dead = await broker.queue(deadName, never);
  for (const one of [queue, dead]) {
    const fields = (at: number) => (fifo ? { groupId: `g${at % 3}`, deduplicationId: `${at}` } : {});
    await fill(
      one,
      texts.map((text, at) => outgoing(text, fields(at))),
    );
  }
  return { queue, dead };
}

describe.each([
  // The defaults for AWS collect empty answers side by side, which is where one too many could come.
  ['fauxqs', ''],
  ['localSqs', AT_ONCE],
] as const)('SQS (emulator %s, %j), through the program', { timeout: 60_000 }, (emulator, parameters) => {
  connectTo(emulator);

  const LIMITED: readonly (readonly string[])[] = [
    ['redrive', 'QUEUE', '--to', 'TARGET', '--max', '3', '--yes'],
    ['move', 'QUEUE', 'TARGET', '--max', '3', '--yes'],
    ['copy', 'QUEUE', 'TARGET', '--max', '3'],
    ['drain', 'QUEUE', '--max', '3'],
    ['peek', 'QUEUE', '--limit', '3'],
  ];
  it.each(LIMITED.map((args) => [args[0], args] as const))(
    '%s of three never receives a fourth message',
    async (_, args) => {
      for (const fifo of [false, true]) {
        const { queue } = await filled(TEXTS.slice(0, 20), fifo);
        const target = await createQueue(broker, uniqueName('promise-target', fifo));
        const named = args.map((arg) => arg.replace('QUEUE', queue.name).replace('TARGET', target.name));
        proxy.reset();
        expect(await mq(named, parameters)).toMatchObject({ code: 0 });
        expect(received()).toBe(3);
      }
    },
  );
});

describe('SQS (emulator fauxqs), through the program', { timeout: 60_000 }, () => {
  connectTo('fauxqs');
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mq-sqs-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** All there, all visible, at once. */
  async function expectAllVisible(queue: Queue, texts: readonly string[]): Promise<void> {
    proxy.reset();
    // The emulator counts a message that was given back as in flight until somebody receives.
    expect(bodies(await takeAll(queue)).sort()).toEqual([...texts].sort());
    expect(await queue.stats(never)).toMatchObject({ ready: 0, inFlight: 0 });
  }

  it.each([
    ['all', ['-n', '0']],
    ['ten', []],
    ['those that match', ['--filter', 'body == "message 7"', '-n', '0']],
    ['as JSON', ['-n', '0', '-o', 'json']],
  ])('no look leaves a message hidden: %s', async (_, flags) => {
    const { queue } = await filled(TEXTS);
    expect(await mq(['peek', queue.name, ...flags])).toMatchObject({ code: 0 });
    await expectAllVisible(queue, TEXTS);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('no look that is ended by %s leaves a message hidden', async (signal) => {
    const { queue } = await filled(TEXTS);
    const heard = Promise.withResolvers<void>();
    // The signal comes while an answer with messages is on its way: these must go back too.
    proxy.spoil('ReceiveMessage', async (call, forward) => {
      const answer = await forward();
      if (proxy.of(call.action).length === 3) {
        peek.process.kill(signal);
        await heard.promise;
      }
      return answer;
    });
    const peek = start(['peek', queue.name, '-n', '0', '-o', 'ndjson'], AT_ONCE, SAYS_HEARD);
    peek.process.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.includes(HEARD)) heard.resolve();
    });
    expect(await peek.finished).toMatchObject({ code: signal === 'SIGINT' ? 130 : 143 });
    expect(received()).toBeGreaterThan(10);
    await expectAllVisible(queue, TEXTS);
  });

  it('no look whose reader goes away leaves a message hidden', async () => {
    const { queue } = await filled(TEXTS);
    const peek = start(['peek', queue.name, '-n', '0', '-o', 'ndjson']);
    peek.process.stdout?.once('data', () => peek.process.stdout?.destroy());
    await peek.finished;
    await expectAllVisible(queue, TEXTS);
  });

  it('a redrive that is interrupted gives back what it holds and has moved what it says', async () => {
    const { queue, dead } = await filled(TEXTS);
    const target = await createQueue(broker, uniqueName('promise-target'));
    let redrive: Running | null = null;
    proxy.spoil('SendMessageBatch', async (call) => {
      if (proxy.of(call.action).length === 2) redrive?.process.kill('SIGINT');
      return null;
    });
    redrive = start(['redrive', queue.name, '--to', target.name, '--rate', '60/s', '--yes', '-o', 'json']);
    const { code, stdout } = await redrive.finished;
    expect(code).toBe(130);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ failed: 0, unknown: 0, complete: false });
    proxy.reset();
    const [arrived, left] = [bodies(await takeAll(target)), bodies(await takeAll(dead))];
    expect(arrived).toHaveLength(report.moved);
    expect([...arrived, ...left].sort()).toEqual([...TEXTS].sort());
  });

  describe('a redrive in the middle of which', () => {
    /** Every dead letter in one of the two places, those that were moved only there, and the report about them. */
    async function redriven(spoil: () => void) {
      const { queue, dead } = await filled(TEXTS);
      const target = await createQueue(broker, uniqueName('promise-target'));
      proxy.reset();
      spoil();
      const args = ['redrive', queue.name, '--to', target.name, '--yes', '-o', 'json'];
      const { code, stdout, stderr } = await mq(args);
      proxy.reset();
      const [arrived, left] = [bodies(await takeAll(target)), bodies(await takeAll(dead))];
      const report = JSON.parse(stdout) as Report;
      expect(report.matched).toBe(report.moved + report.skipped + report.failed + report.unknown);
      expect(new Set([...arrived, ...left])).toEqual(new Set(TEXTS));
      expect(arrived.length).toBeGreaterThanOrEqual(report.moved);
      expect(arrived.length).toBeLessThanOrEqual(report.moved + report.unknown);
      return { code, stderr, report, arrived, left };
    }
    const second = (action: string) => proxy.of(action).length === 2;

    it('receiving and deleting are throttled: waited out, exit 0', async () => {
      const { code, report, left } = await redriven(() => {
        for (const action of ['ReceiveMessage', 'DeleteMessageBatch'])
          proxy.spoil(action, async () => (second(action) ? refusal('RequestThrottled', 'Rate exceeded') : null));
      });
      expect({ code, moved: report.moved, left }).toEqual({ code: 0, moved: TEXTS.length, left: [] });
    });

    it('one send is throttled: it is waited out and sent again, once each, exit 0', async () => {
      const { code, report, stderr, arrived, left } = await redriven(() =>
        proxy.spoil('SendMessageBatch', async () =>
          second('SendMessageBatch') ? refusal('RequestThrottled', 'Rate exceeded') : null,
        ),
      );
      expect(stderr).toMatch(/refuses messages for now \(.*throttled.*\): waiting, and trying again/);
      expect({ code, moved: report.moved, failed: report.failed, unknown: report.unknown, left }).toEqual({
        ...{ code: 0, moved: TEXTS.length, failed: 0, unknown: 0, left: [] },
      });
      expect(arrived).toHaveLength(TEXTS.length);
    });

    it('receipts have expired: those messages are uncertain, exit 3', async () => {
      const { code, report, stderr } = await redriven(() =>
        proxy.spoil('DeleteMessageBatch', async ({ input }) => {
          if (!second('DeleteMessageBatch')) return null;
          const Failed = (input.Entries as { Id: string }[]).map(({ Id }) => ({
            ...{ Id, SenderFault: true, Code: 'ReceiptHandleIsInvalid', Message: 'The receipt handle has expired' },
          }));
          return { status: 200, body: { Failed } };
        }),
      );
      expect(code).toBe(3);
      expect(stderr).toMatch(/receipt handle has expired/);
      expect(report.unknown).toBeGreaterThan(0);
      expect(report.failed).toBe(0);
    });
  });

  it.each(['move', 'redrive'])(
    'a dry run of %s judges what it looks at, and says when it only counted',
    async (verb) => {
      const source = await createQueue(broker, uniqueName('promise-large'));
      await fill(source, [outgoing('x'.repeat(2000)), outgoing('small')]);
      const small = uniqueName('promise-small');
      await createQueue(broker, small, { settings: { MaximumMessageSize: '1024' } });
      const named = verb === 'move' ? [verb, source.name, small] : [verb, source.name, '--to', small];
      const filtered = await mq([...named, '--filter', 'true', '--dry-run', '-o', 'json']);
      expect(JSON.parse(filtered.stdout)).toMatchObject({ matched: 2, moved: 1, failed: 1 });
      expect(filtered).toMatchObject({ code: 3, stderr: expect.stringContaining('the queue takes 1024') });
      const counted = await mq([...named, '--dry-run']);
      expect(counted.stderr).toMatch(/only counted: one that \S+ cannot take fails/);
      const ran = await mq([...named, '--yes', '-o', 'json']);
      expect(JSON.parse(ran.stdout)).toMatchObject({ moved: 1, failed: 1 });
    },
  );

  it('stats --dead looks with --force where it says so', async () => {
    const [name, dead] = [uniqueName('promise-once'), uniqueName('promise-once-dlq')];
    await createQueue(broker, dead, { deadLetterQueue: uniqueName('promise-last'), maxReceives: 1 });
    await createQueue(broker, name, { deadLetterQueue: dead, maxReceives: 1 });
    await fill(await broker.queue(dead, never), [outgoing('x')]);
    const refused = await mq(['stats', '--dead', name]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
    expect(await mq(['stats', '--dead', name, '--force'])).toMatchObject({ code: 0 });
    expect(await mq(['stats', name, '--force'])).toMatchObject({ code: 2 });
  });

  const FILTER = ['--filter', 'body == "message 40"'];
  it.each([
    ['redrive', ['redrive', 'QUEUE', ...FILTER, '--yes']],
    ['dry run of a redrive', ['redrive', 'QUEUE', ...FILTER, '--dry-run']],
    ['move', ['move', 'DEAD', 'TARGET', ...FILTER, '--yes']],
    ['copy', ['copy', 'DEAD', 'TARGET']],
    ['drain', ['drain', 'DEAD', ...FILTER, '--to', 'FILE']],
    ['purge', ['purge', 'DEAD', ...FILTER, '--yes']],
  ])('%s of FIFO that sees only the first of each group says so, with exit 3 and nothing moved', async (_, args) => {
    const { queue, dead } = await filled(TEXTS, true);
    const target = await createQueue(broker, uniqueName('promise-target', true));
    const file = join(folder, 'drained');
    const named = args.map((arg) =>
      arg.replace('QUEUE', queue.name).replace('DEAD', dead.name).replace('TARGET', target.name).replace('FILE', file),
    );
    const { code, stderr, stdout } = await mq([...named, '-o', 'json']);
    expect(stderr).toMatch(/about \d+ messages of \S+ were not looked at: .*FIFO group.*work without a filter/);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ complete: false, failed: 0, unknown: 0 });
    const left = bodies(await takeAll(dead));
    expect(left.sort()).toEqual([...TEXTS].sort());
  });

  it('a filtered redrive of FIFO that sees all is whole', async () => {
    const { queue, dead } = await filled(['message 0', 'message 1', 'message 2'], true);
    await takeAll(queue);
    const { code, stdout, stderr } = await mq([
      'redrive',
      queue.name,
      '--filter',
      'body == "message 1"',
      '--yes',
      '-o',
      'json',
    ]);
    expect(stderr).not.toContain('not looked at');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ matched: 1, moved: 1, left: 2, complete: true });
    expect(bodies(await takeAll(dead)).sort()).toEqual(['message 0', 'message 2']);
  });

  describe('purge', () => {
    async function threeStates() {
      const queue = await createQueue(broker, uniqueName('promise-purge'));
      await fill(queue, [...TEXTS.slice(0, 5).map((text) => outgoing(text)), outgoing('later', { delayMs: 600_000 })]);
      const consumer = await consume(queue, { limit: 2 });
      await collect(consumer);
      expect(await queue.stats(never)).toMatchObject({ ready: 3, inFlight: 2, delayed: 1 });
      return { queue, consumer };
    }

    it('--state all takes every message, those in flight and delayed too, and says that SQS tells no count', async () => {
      const { queue, consumer } = await threeStates();
      const dry = await mq(['purge', queue.name, '--state', 'all', '--dry-run', '-o', 'json']);
      expect(JSON.parse(dry.stdout)).toMatchObject({ matched: 6, moved: 6, dryRun: true });
      expect(dry.stderr).toMatch(/approximate/);
      expect(proxy.of('ReceiveMessage')).toEqual([]);
      const { code, stdout, stderr } = await mq(['purge', queue.name, '--state', 'all', '--yes', '-o', 'json']);
      expect(code).toBe(0);
      expect(stderr).toMatch(/purges within 60 seconds and tells no count/);
      expect(JSON.parse(stdout)).toMatchObject({ matched: null, moved: null, complete: true });
      await consumer.close();
      expect(await queue.stats(never)).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
    });

    it('of what is ready spares the others; of one of the others alone it is refused', async () => {
      const { queue, consumer } = await threeStates();
      const { code, stderr } = await mq(['purge', queue.name, '--yes']);
      expect(code).toBe(0);
      expect(stderr).toMatch(/others are in flight or delayed/);
      expect(proxy.of('PurgeQueue')).toEqual([]);
      expect(await queue.stats(never)).toMatchObject({ ready: 0, inFlight: 2, delayed: 1 });
      const refused = await mq(['purge', queue.name, '--state', 'delayed', '--yes']);
      expect(refused).toMatchObject({ code: 7, stderr: expect.stringContaining('cannot purge its delayed messages') });
      await consumer.close();
    });
  });
});
