import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { NativeMoveRequest, Queue } from '../../../src/contract/queue.ts';
import { CommandLine } from '../../support/command-line.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import { letDie, run } from '../../support/sqs/dying.ts';
import { type FaultProxy, refusal } from '../../support/sqs/fault-proxy.ts';
import {
  AT_ONCE,
  bodies,
  createQueue,
  fill,
  never,
  openAt,
  outgoing,
  takeAll,
  uniqueName,
  urlOf,
} from '../../support/sqs/harness.ts';

const TEXTS = Array.from({ length: 25 }, (_, i) => `dead ${i}`);

describe('move tasks and dead-letter links on the emulator local-aws-sqs', () => {
  let proxy: FaultProxy;
  let broker: Broker;
  behindProxy('localSqs', (made) => {
    ({ proxy, broker } = made);
  });

  async function linked(sources: number, fifo = false): Promise<{ queues: Queue[]; dead: Queue }> {
    const deadName = uniqueName('dlq', fifo);
    const queues: Queue[] = [];
    for (let i = 0; i < sources; i += 1) {
      queues.push(
        await createQueue(broker, uniqueName(`source${i}`, fifo), { deadLetterQueue: deadName, maxReceives: 2 }),
      );
    }
    return { queues, dead: await broker.queue(deadName, never) };
  }

  const request = (rest: Partial<NativeMoveRequest> = {}): NativeMoveRequest => ({
    state: 'ready',
    to: 'origin',
    selective: false,
    limit: null,
    ratePerSec: null,
    countReplay: false,
    notice: () => {},
    signal: never,
    ...rest,
  });

  const die = (queue: Queue, texts: readonly string[]) => letDie(broker, queue, texts);

  it('a task moves everything back to where each came from', async () => {
    const { queues, dead } = await linked(2);
    const [one, two] = queues;
    if (one === undefined || two === undefined) throw new Error('two queues were made');
    await die(one, TEXTS.slice(0, 15));
    await die(two, TEXTS.slice(15));
    const move = await dead.nativeMove?.(request());
    if (!move) throw new Error('no native move');
    expect(proxy.of('StartMessageMoveTask')).toEqual([]);
    expect(await run(move)).toMatchObject({ moved: 25, last: { exhausted: true } });
    expect(proxy.of('CancelMessageMoveTask')).toEqual([]);
    expect(bodies(await takeAll(one)).sort()).toEqual(TEXTS.slice(0, 15).sort());
    expect(bodies(await takeAll(two)).sort()).toEqual(TEXTS.slice(15).sort());
    expect((await dead.stats(never)).depth).toBe(0);
  });

  it('a task moves the dead letters of a queue that shares with nobody, by the queue’s own name', async () => {
    const { queues } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, TEXTS);
    const move = await one.nativeMove?.(request({ state: 'dead' }));
    if (!move) throw new Error('no native move');
    expect((await run(move)).moved).toBe(25);
    expect((await takeAll(one)).length).toBe(25);
  });

  it('a task goes to another queue of the same sort, at the rate that was asked', async () => {
    const { queues, dead } = await linked(1);
    const target = await createQueue(broker, uniqueName('target'));
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, TEXTS.slice(0, 4));
    const move = await dead.nativeMove?.(request({ to: target, ratePerSec: 100 }));
    if (!move) throw new Error('no native move');
    expect((await run(move)).moved).toBe(4);
    expect(proxy.of('StartMessageMoveTask').map(({ input }) => input.MaxNumberOfMessagesPerSecond)).toEqual([100]);
    expect((await takeAll(target)).length).toBe(4);
  });

  it('a task is not used for anything that it would do differently', async () => {
    const { queues, dead } = await linked(2);
    const { dead: fifo } = await linked(1, true);
    const plain = await createQueue(broker, uniqueName('plain'));
    const [one] = queues;
    const different: [Queue | undefined, Partial<NativeMoveRequest>][] = [
      [dead, { selective: true }],
      [dead, { limit: 5 }],
      [dead, { countReplay: true }],
      [dead, { ratePerSec: 0.5 }],
      [dead, { ratePerSec: 501 }],
      [dead, { to: fifo }],
      [dead, { to: dead }],
      [plain, {}],
      [plain, { to: dead }],
      // It would take the other queue's dead letters too.
      [one, { state: 'dead' }],
    ];
    for (const [queue, rest] of different) expect(await queue?.nativeMove?.(request(rest))).toBeNull();
    expect(proxy.of('StartMessageMoveTask')).toEqual([]);
  });

  it('a task is cancelled when the signal aborts, and tells what it has moved', async () => {
    const { queues, dead } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, TEXTS);
    const abort = new AbortController();
    const move = await dead.nativeMove?.(request({ ratePerSec: 2, signal: abort.signal }));
    if (!move) throw new Error('no native move');
    const first = await move.next({ upTo: 500 });
    expect(first.moved).toBeGreaterThan(0);
    abort.abort();
    const last = await move.next({ upTo: 500 });
    await move.close();
    expect(proxy.of('CancelMessageMoveTask').length).toBe(1);
    const moved = first.moved + last.moved;
    expect(moved).toBeLessThan(25);
    expect((await takeAll(one)).length).toBe(moved);
    expect((await takeAll(dead)).length).toBe(25 - moved);
  });

  it('a task that SQS lists late is waited for, and the end of an older one is not taken for its end', async () => {
    const { queues, dead } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    const started = async () => {
      const move = await dead.nativeMove?.(request());
      if (!move) throw new Error('no native move');
      return run(move);
    };
    await die(one, TEXTS.slice(0, 3));
    let late = 2;
    proxy.spoil('ListMessageMoveTasks', async () =>
      proxy.of('StartMessageMoveTask').length === 1 && late-- > 0 ? { status: 200, body: {} } : null,
    );
    expect(await started()).toMatchObject({ moved: 3, last: { exhausted: true } });
    expect(late).toBeLessThanOrEqual(0);
    proxy.reset();
    await takeAll(one);
    await die(one, TEXTS.slice(0, 5));
    late = 2;
    proxy.spoil('ListMessageMoveTasks', async (_, forward) => {
      const answer = await forward({ ...proxy.of('ListMessageMoveTasks')[0]?.input, MaxResults: 10 });
      const [newest, ...older] = answer.body.Results as object[];
      const hidden = proxy.of('StartMessageMoveTask').length === 1 && late-- > 0;
      return { ...answer, body: { Results: hidden ? older : [newest] } };
    });
    expect(await started()).toMatchObject({ moved: 5, last: { exhausted: true } });
    expect(late).toBeLessThanOrEqual(0);
    expect(proxy.of('CancelMessageMoveTask')).toEqual([]);
    expect((await takeAll(one)).length).toBe(5);
  });

  it('a task whose start was answered by nobody is found and watched; one that is not found is told as doubtful', async () => {
    const { queues, dead } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, TEXTS.slice(0, 3));
    const lost = async () => {
      const move = await dead.nativeMove?.(request());
      if (!move) throw new Error('no native move');
      return run(move);
    };
    proxy.spoil('StartMessageMoveTask', async () => 'cut');
    await expect(lost()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('may have been started anyway'),
    });
    expect((await dead.stats(never)).ready).toBe(3);
    proxy.spoil('StartMessageMoveTask', async (_, forward) => {
      await forward();
      return 'cut';
    });
    expect(await lost()).toMatchObject({ moved: 3, last: { exhausted: true } });
    expect(proxy.of('StartMessageMoveTask').length).toBe(2);
    expect((await takeAll(one)).length).toBe(3);
  });

  it('a task that fails says why, and one that is running already is told', async () => {
    const { queues, dead } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, ['a']);
    proxy.spoil('ListMessageMoveTasks', async () => ({
      status: 200,
      body: { Results: [{ Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' }] },
    }));
    const failing = await dead.nativeMove?.(request());
    if (!failing) throw new Error('no native move');
    await expect(failing.next({ upTo: 1 })).rejects.toThrow(/CouldNotDetermineMessageSource/);
    await failing.close();
    proxy.spoil('StartMessageMoveTask', async () => refusal('UnsupportedOperation', 'There is already a task running'));
    const second = await dead.nativeMove?.(request());
    if (!second) throw new Error('no native move');
    await expect(second.next({ upTo: 1 })).rejects.toThrow(/already a task running/);
    await second.close();
  });

  /**
   * By the queue's own name, or by its dead-letter queue's: a task does both while it is the only one that is linked.
   */
  describe.each(['queue', 'dead'] as const)('mq redrive of the %s', (named) => {
    const mq = async (name: string) => {
      const line = await CommandLine.open();
      try {
        const ran = await line.run(['--url', urlOf(proxy.url), 'redrive', name, '--yes', '-o', 'json']);
        return { ...ran, report: JSON.parse(ran.stdout) };
      } finally {
        await line.close();
      }
    };

    async function fiveDead(): Promise<{ queue: Queue; dead: Queue; name: string }> {
      const { queues, dead } = await linked(1);
      const [queue] = queues;
      if (queue === undefined) throw new Error('a queue was made');
      await die(queue, TEXTS.slice(0, 5));
      return { queue, dead, name: named === 'queue' ? queue.name : dead.name };
    }

    it('a task that ends with fewer: what stays is told and is still there, exit 3', async () => {
      const { queue, dead, name } = await fiveDead();
      // A task that ends by itself after 2 of the 5.
      const startedAt = Date.now();
      proxy.spoil('StartMessageMoveTask', async () => {
        const urls = await Promise.all(
          [dead.name, queue.name].map((QueueName) => proxy.ask('GetQueueUrl', { QueueName })),
        );
        const [from, to] = urls.map(({ body }) => body.QueueUrl);
        const { body } = await proxy.ask('ReceiveMessage', { QueueUrl: from, MaxNumberOfMessages: 2 });
        for (const { Body, ReceiptHandle } of body.Messages as { Body: string; ReceiptHandle: string }[]) {
          await proxy.ask('SendMessage', { QueueUrl: to, MessageBody: Body });
          await proxy.ask('DeleteMessage', { QueueUrl: from, ReceiptHandle });
        }
        return { status: 200, body: { TaskHandle: 'ends-early' } };
      });
      proxy.spoil('ListMessageMoveTasks', async () => {
        const task = {
          Status: 'COMPLETED',
          StartedTimestamp: startedAt,
          ApproximateNumberOfMessagesMoved: 2,
          ApproximateNumberOfMessagesToMove: 5,
        };
        return { status: 200, body: { Results: proxy.of('StartMessageMoveTask').length === 0 ? [] : [task] } };
      });
      const { code, report, stderr } = await mq(name);
      expect({ code, report }, stderr).toMatchObject({
        code: 3,
        report: { native: true, moved: 2, left: 3, failed: 0, complete: false },
      });
      expect(stderr).toContain(`3 messages, still in ${dead.name}`);
      proxy.reset();
      expect((await takeAll(dead)).length).toBe(3);
      expect((await takeAll(queue)).length).toBe(2);
    });

    it.each([
      ['may not be started', refusal('AccessDeniedException', 'User: arn:aws:iam::1:user/x is not authorized', 403)],
      ['is not known', refusal('UnknownOperationException')],
    ])('a task that %s: by hand, and that is told', async (_, refused) => {
      const { queue, dead, name } = await fiveDead();
      proxy.spoil('StartMessageMoveTask', async () => refused);
      const { code, report, stderr } = await mq(name);
      expect({ code, report }, stderr).toMatchObject({
        code: 0,
        report: { native: false, moved: 5, failed: 0, complete: true },
      });
      expect(stderr).toMatch(/SQS starts no move task .*: by hand instead/);
      proxy.reset();
      expect(bodies(await takeAll(queue)).sort()).toEqual(TEXTS.slice(0, 5).sort());
      expect((await dead.stats(never)).depth).toBe(0);
    });

    it('a task does it where the queue is the only one that is linked now; a second one, and each message is asked', async () => {
      const { queue, dead, name } = await fiveDead();
      const { code, report, stderr } = await mq(name);
      expect({ code, report }, stderr).toMatchObject({ code: 0, report: { native: true, moved: 5 } });
      if (named === 'queue') expect(stderr).toContain(`${queue.name} is the only one`);
      expect((await takeAll(queue)).length).toBe(5);
      const other = await createQueue(broker, uniqueName('second'), { deadLetterQueue: dead.name, maxReceives: 2 });
      await die(queue, ['mine']);
      await die(other, ['not mine']);
      proxy.reset();
      const both = await mq(name);
      const isWhole = named === 'dead';
      expect(both, both.stderr).toMatchObject({ code: 0, report: { native: isWhole, moved: isWhole ? 2 : 1 } });
      expect(proxy.of('StartMessageMoveTask').length).toBe(isWhole ? 1 : 0);
      expect(bodies(await takeAll(queue))).toEqual(['mine']);
      expect(bodies(await takeAll(isWhole ? other : dead))).toEqual(['not mine']);
    });
  });

  it('purge of what is ready spares what is delayed, and tells the limit of one a minute', async () => {
    const queue = await createQueue(broker, uniqueName('purge'));
    await fill(queue, [outgoing('x'), outgoing('later', { delayMs: 60_000 })]);
    const notices: string[] = [];
    const options = { notice: (text: string) => notices.push(text), signal: never };
    expect(await queue.purge?.({ states: ['ready'], ...options })).toEqual({ removed: 1 });
    expect(await queue.stats(never)).toMatchObject({ ready: 0, delayed: 1 });
    await expect(queue.purge?.({ states: ['delayed'], ...options })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
    expect(proxy.of('PurgeQueue')).toEqual([]);
    const all = { states: ['ready', 'in-flight', 'delayed'] as const, ...options };
    expect(await queue.purge?.(all)).toEqual({ removed: null });
    expect(notices.join()).toMatch(/within 60 seconds/);
    await expect(queue.purge?.(all)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(proxy.of('PurgeQueue').map(({ status }) => status)).toEqual([200, expect.any(Number)]);
  });

  it('pause writes its statement beside the others, resume takes it away, and a plain connection has neither', async () => {
    const name = uniqueName('pause');
    const plain = await createQueue(broker, name);
    expect(plain.capabilities.abilities.pause).toMatchObject({ supported: false });
    expect('pause' in plain).toBe(false);
    const permitted = await openAt(proxy.url, `${AT_ONCE}&denyPolicy=true`);
    const queue = await permitted.queue(name, never);
    await queue.pause?.({ reason: 'incident 7', signal: never });
    await queue.pause?.({ reason: null, signal: never });
    expect((await queue.stats(never)).state).toBe('paused');
    expect((await queue.describe(never)).details).toMatchObject({
      paused: true,
      tags: { 'mq-pause-reason': 'incident 7' },
    });
    expect(proxy.of('SetQueueAttributes').length).toBe(1);
    await queue.resume?.({ signal: never });
    expect((await queue.stats(never)).state).toBe('running');
    expect((await queue.describe(never)).details).toMatchObject({ paused: false, tags: {} });
    await queue.resume?.({ signal: never });
    expect(proxy.of('SetQueueAttributes').length).toBe(2);
    expect(proxy.calls.every(({ userAgent }) => userAgent.includes('mqops'))).toBe(true);
    await permitted.close();
  });

  it('creating and deleting: what exists is not touched, and a deleted name needs a minute', async () => {
    const name = uniqueName('life');
    await createQueue(broker, name);
    await expect(createQueue(broker, name)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await broker.delete?.(name, never)).toBeNull();
    await expect(broker.queue(name, never)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(broker.delete?.(name, never)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(createQueue(broker, name)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
  });
});
