import { describe, expect, it } from 'vitest';
import { NOBODYS_RECEIPT } from '../../../src/backends/sqs/leases/rights.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import {
  type Fault,
  type FaultProxy,
  type FaultyAnswer,
  refusal,
  type SeenCall,
} from '../../support/sqs/fault-proxy.ts';
import {
  bodies,
  collect,
  consume,
  createQueue,
  fill,
  never,
  openAt,
  outgoing,
  peek,
  sendAll,
  takeAll,
  uniqueName,
} from '../../support/sqs/harness.ts';

type Entries = { Id: string; MessageBody: string; ReceiptHandle: string }[];
const entriesOf = (call: SeenCall): Entries => call.input.Entries as Entries;
const THROTTLED = refusal('RequestThrottled', 'Rate exceeded');

describe('faults in front of the emulator fauxqs', () => {
  let proxy: FaultProxy;
  let broker: Broker;
  behindProxy('fauxqs', (made) => {
    ({ proxy, broker } = made);
  });

  /** Refuses the entries of a batch that `spoilt` names and passes the others on. */
  function failEntries(action: string, spoilt: (entry: Entries[number]) => boolean, senderFault = true): void {
    proxy.spoil(action, async (call, forward): Promise<FaultyAnswer> => {
      const good = entriesOf(call).filter((entry) => !spoilt(entry));
      const answer = good.length === 0 ? { status: 200, body: {} } : await forward({ ...call.input, Entries: good });
      const failed = entriesOf(call)
        .filter(spoilt)
        .map(({ Id }) => ({ Id, SenderFault: senderFault, Code: 'InternalError', Message: 'spoilt by the test' }));
      return { status: answer.status, body: { ...answer.body, Failed: failed } };
    });
  }

  async function deadLetters(count: number, fifo = false) {
    const name = uniqueName('orders', fifo);
    const deadName = uniqueName('orders-dlq', fifo);
    const queue = await createQueue(broker, name, { deadLetterQueue: deadName, maxReceives: 5 });
    const dead = await broker.queue(deadName, never);
    await fill(
      dead,
      Array.from({ length: count }, (_, i) =>
        outgoing(`dead ${i}`, fifo ? { groupId: `g${i % 3}`, deduplicationId: `d${i}` } : {}),
      ),
    );
    return { queue, dead };
  }

  async function redrive(queue: Awaited<ReturnType<typeof deadLetters>>['queue'], max: number | null = 100) {
    // A limit rules the move task out, which fauxqs does not have.
    const plan = await planRedrive(redriveOf(broker, queue, { max, signal: never }));
    return plan.run({ dryRun: false, onProgress: () => {}, signal: never });
  }

  it('a batch that fails in part: exactly the confirmed messages leave the dead-letter queue', async () => {
    const { queue, dead } = await deadLetters(30);
    failEntries('SendMessageBatch', ({ MessageBody }) => /[37]$/.test(MessageBody));
    const report = await redrive(queue);
    expect(report).toMatchObject({ matched: 30, moved: 24, failed: 6, unknown: 0, complete: true });
    proxy.reset();
    expect(bodies(await takeAll(queue)).length).toBe(24);
    const left = bodies(await takeAll(dead)).sort();
    expect(left).toEqual(['dead 13', 'dead 17', 'dead 23', 'dead 27', 'dead 3', 'dead 7']);
  });

  it('a send whose answer is lost is unknown, the message stays, and it is not sent again', async () => {
    const queue = await createQueue(broker, uniqueName('lost'));
    proxy.spoil('SendMessageBatch', async (_, forward) => {
      await forward();
      return 'cut';
    });
    expect(await sendAll(queue, [outgoing('x')])).toEqual([{ status: 'unknown', reason: expect.any(String) }]);
    expect(proxy.of('SendMessageBatch').length).toBe(1);
    expect((await takeAll(queue)).length).toBe(1);
  });

  it('a FIFO send whose answer is lost is repeated, and stored once', async () => {
    const queue = await createQueue(broker, uniqueName('lost', true));
    proxy.spoil('SendMessageBatch', async (_, forward) => {
      const answer = await forward();
      return proxy.of('SendMessageBatch').length === 1 ? 'cut' : answer;
    });
    const outcomes = await sendAll(queue, [outgoing('x', { groupId: 'g' })]);
    expect(outcomes.map(({ status }) => status)).toEqual(['sent']);
    expect(proxy.of('SendMessageBatch').length).toBe(2);
    expect((await takeAll(queue)).length).toBe(1);
  });

  it.each([
    ['throttled', THROTTLED, 'throttled'],
    ['answered with an error of SQS itself', refusal('InternalError', 'try later', 500), '500'],
    ['refused for now', refusal('ServiceUnavailable', '', 503), '503'],
  ])('a send that is %s is not repeated here, and may be sent again', async (_, answer, says) => {
    const queue = await createQueue(broker, uniqueName('throttled'));
    proxy.spoil('SendMessageBatch', async () => answer);
    const [outcome] = await sendAll(queue, [outgoing('x')]);
    expect(outcome).toMatchObject({ status: 'failed', again: true, reason: expect.stringContaining(says) });
    expect(proxy.of('SendMessageBatch').length).toBe(1);
  });

  it('an error page of something between proves nothing: the send is unknown', async () => {
    const queue = await createQueue(broker, uniqueName('page'));
    proxy.spoil('SendMessageBatch', async () => ({ status: 500, body: { oops: true } }));
    expect(await sendAll(queue, [outgoing('x')])).toMatchObject([{ status: 'unknown' }]);
  });

  it.each([
    ['throttled', async () => THROTTLED],
    ['answered with an error of SQS itself', async () => refusal('InternalError', 'try later', 500)],
    ['cut off', async () => 'cut' as const],
  ])('a redrive goes on after receives and deletes that are %s', async (_, fault) => {
    const { queue, dead } = await deadLetters(30);
    const nowAndThen: Fault = async (call) => (proxy.of(call.action).length % 3 === 2 ? fault() : null);
    for (const action of ['ReceiveMessage', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch'])
      proxy.spoil(action, nowAndThen);
    expect(await redrive(queue)).toMatchObject({ matched: 30, moved: 30, failed: 0, unknown: 0, complete: true });
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(30);
    expect((await takeAll(dead)).length).toBe(0);
  });

  it('a receive whose answer was lost may have taken messages: then the report is not complete', async () => {
    const { queue, dead } = await deadLetters(15);
    proxy.spoil('ReceiveMessage', async (call, forward) => {
      if (proxy.of(call.action).length !== 1) return null;
      await forward();
      return 'cut';
    });
    const report = await redrive(queue);
    expect(report).toMatchObject({ moved: 5, failed: 0, complete: false });
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(5);
    expect(await dead.stats(never)).toMatchObject({ inFlight: 10 });
  });

  it('without the right to delete nothing is taken and nothing is sent, however it is run', async () => {
    const { queue, dead } = await deadLetters(12);
    proxy.calls.length = 0;
    proxy.spoil('DeleteMessageBatch', async () => refusal('AccessDenied', '', 403));
    for (let run = 0; run < 2; run += 1) {
      await expect(redrive(queue)).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringMatching(/nothing was taken.*sqs:DeleteMessage/),
      });
    }
    expect([...proxy.of('ReceiveMessage'), ...proxy.of('SendMessageBatch')]).toEqual([]);
    // A copy removes nothing, and needs no such right.
    const consumer = await consume(dead, { givesBack: 'all', limit: 1 });
    expect((await collect(consumer)).length).toBe(1);
    await consumer.close();
  });

  it('a message near its limit that is to be given back ends a filtered run; with force it does not', async () => {
    const queue = await createQueue(broker, uniqueName('near'), {
      deadLetterQueue: uniqueName('near-dlq'),
      maxReceives: 4,
    });
    await fill(queue, [outgoing('x')]);
    const look = async (force?: true) => {
      const consumer = await consume(queue, { givesBack: 'some', ...(force ? { force } : {}) });
      try {
        for await (const { receipt } of consumer) receipt.hold?.();
      } finally {
        await consumer.close();
      }
    };
    await look();
    await look();
    await expect(look()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await look(true);
    await expect(
      queue.priceOfLook?.({ state: 'ready', looks: null, givesBack: 'some', force: false, signal: never }),
    ).resolves.toMatch(/adds 1 to the receive count .*4 are allowed/);
  });

  it('where the limit of deliveries cannot be read, a look is refused without receiving', async () => {
    const queue = await createQueue(broker, uniqueName('blind'));
    proxy.spoil('GetQueueAttributes', async () => refusal('AccessDenied', '', 403));
    const options = { state: 'ready', looks: null, givesBack: 'some', signal: never } as const;
    await expect(queue.priceOfLook?.({ ...options, force: false })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining('sqs:GetQueueAttributes'),
    });
    await expect(queue.priceOfLook?.({ ...options, force: true })).resolves.toMatch(/not known/);
    await expect(peek(queue)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(proxy.of('ReceiveMessage')).toEqual([]);
  });

  it('what is newer than the start is told by the clock of the server, also where it is far ahead', async () => {
    const { queue } = await deadLetters(5);
    const aheadMs = 3_600_000;
    proxy.clockAheadMs = aheadMs;
    proxy.spoil('ReceiveMessage', async (_, forward) => {
      const answer = await forward();
      const { Messages: messages = [] } = answer.body as { Messages?: { Attributes: object }[] };
      const changed = messages.map((message) => ({
        ...message,
        Attributes: { ...message.Attributes, SentTimestamp: String(Date.now() + aheadMs - 10_000) },
      }));
      return { ...answer, body: { ...answer.body, Messages: changed } };
    });
    expect(await redrive(queue)).toMatchObject({ moved: 5, left: 0, complete: true });
  });

  it('FIFO: two of one group are never in one call, so that the second cannot be stored without the first', async () => {
    const queue = await createQueue(broker, uniqueName('apart', true));
    failEntries('SendMessageBatch', ({ MessageBody }) => MessageBody === 'g0 1', false);
    const texts = Array.from({ length: 9 }, (_, i) => `g${i % 3} ${Math.floor(i / 3)}`);
    const messages = texts.map((text) => outgoing(text, { groupId: text.slice(0, 2) }));
    const first = await sendAll(queue, messages);
    for (const { input } of proxy.of('SendMessageBatch')) {
      const groups = (input.Entries as { MessageGroupId: string }[]).map(({ MessageGroupId }) => MessageGroupId);
      expect(new Set(groups).size).toBe(groups.length);
    }
    expect(first.filter(({ status }) => status === 'failed')).toMatchObject([{ again: true }, { again: true }]);
    expect(bodies(await takeAll(queue)).filter((text) => text.startsWith('g0'))).toEqual(['g0 0']);
  });

  it('FIFO: two copies of one message are two messages, and what a producer calls the same is told', async () => {
    const { dead } = await deadLetters(3, true);
    const target = await createQueue(broker, uniqueName('copies', true));
    const copy = async () => {
      const request = {
        ...EVERYTHING,
        operation: 'copy' as const,
        source: dead,
        state: 'ready' as const,
        only: null,
        target,
      };
      const rest = { max: null, ratePerSec: null, setHeaders: {}, lossy: false, notice: () => {}, signal: never };
      return (await planMove({ ...request, ...rest })).run({ dryRun: false, onProgress: () => {}, signal: never });
    };
    for (let run = 1; run <= 2; run += 1) {
      expect(await copy()).toMatchObject({ moved: 3, failed: 0 });
      expect(await target.stats(never)).toMatchObject({ ready: 3 * run });
    }
    const own = (text: string) => outgoing(text, { groupId: 'g', deduplicationId: 'mine' });
    const outcomes = await sendAll(target, [own('one'), own('one'), own('other')]);
    expect(outcomes).toMatchObject([
      { status: 'sent' },
      { status: 'sent', already: true },
      { status: 'failed', reason: expect.stringContaining('"mine"') },
    ]);
  });

  it('throttling in the middle of receiving and deleting is waited out', async () => {
    const { queue, dead } = await deadLetters(40);
    const twice = async (call: SeenCall) => (proxy.of(call.action).length <= 2 ? THROTTLED : null);
    proxy.spoil('ReceiveMessage', twice);
    proxy.spoil('DeleteMessageBatch', twice);
    expect(await redrive(queue)).toMatchObject({ matched: 40, moved: 40, failed: 0, unknown: 0 });
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(40);
    expect((await takeAll(dead)).length).toBe(0);
  });

  it('throttling that does not end rejects, and everything that was held is back', { timeout: 90_000 }, async () => {
    const queue = await createQueue(broker, uniqueName('throttle'));
    await fill(
      queue,
      Array.from({ length: 10 }, (_, i) => outgoing(String(i))),
    );
    proxy.spoil('ReceiveMessage', async (call) => (proxy.of(call.action).length > 1 ? THROTTLED : null));
    const consumer = await consume(queue);
    await expect(collect(consumer)).rejects.toMatchObject({ code: 'THROTTLED', retryable: true });
    await consumer.close();
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(10);
  });

  it('a delete that fails rejects its ack alone, and the report calls the message unknown', async () => {
    const { queue, dead } = await deadLetters(10);
    const spoilt = new Set<string>();
    failEntries('DeleteMessageBatch', ({ ReceiptHandle }) => {
      // Not the question about rights that goes before.
      if (spoilt.size === 0 && ReceiptHandle !== NOBODYS_RECEIPT) spoilt.add(ReceiptHandle);
      return spoilt.has(ReceiptHandle);
    });
    expect(await redrive(queue)).toMatchObject({ matched: 10, moved: 9, unknown: 1, failed: 0, complete: false });
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(10);
    // It is not hidden until its lease ends.
    expect((await takeAll(dead)).length).toBe(1);
  });

  it('a delete that fails on the side of SQS is tried once more', async () => {
    const queue = await createQueue(broker, uniqueName('retry'));
    await fill(queue, [outgoing('x')]);
    failEntries('DeleteMessageBatch', () => proxy.of('DeleteMessageBatch').length === 1, false);
    expect((await takeAll(queue)).length).toBe(1);
    expect(proxy.of('DeleteMessageBatch').length).toBe(2);
    expect((await queue.stats(never)).depth).toBe(0);
  });

  it('an answer that does not mention an entry is no proof: the outcome is unknown, and the ack rejects', async () => {
    const queue = await createQueue(broker, uniqueName('silent'));
    proxy.spoil('SendMessageBatch', async (_, forward) => {
      await forward();
      return { status: 200, body: { Successful: [] } };
    });
    expect((await sendAll(queue, [outgoing('x')])).map(({ status }) => status)).toEqual(['unknown']);
    proxy.spoil('DeleteMessageBatch', async () => ({ status: 200, body: {} }));
    const consumer = await consume(queue, { limit: 1 });
    const [delivery] = await collect(consumer);
    await expect(delivery?.receipt.ack()).rejects.toMatchObject({ code: 'UNEXPECTED_RESPONSE' });
    await consumer.close();
  });

  it('an expired receipt rejects the ack', async () => {
    const queue = await createQueue(broker, uniqueName('expired'));
    await fill(queue, [outgoing('x')]);
    proxy.spoil('DeleteMessageBatch', async () => refusal('ReceiptHandleIsInvalid', 'expired', 404));
    const consumer = await consume(queue, { limit: 1 });
    const [delivery] = await collect(consumer);
    await expect(delivery?.receipt.ack()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await consumer.close();
  });

  it('after a failed send, the rest of a FIFO group stays behind it', async () => {
    const { queue, dead } = await deadLetters(30, true);
    failEntries('SendMessageBatch', ({ MessageBody }) => MessageBody === 'dead 4');
    const report = await redrive(queue);
    expect(report.matched).toBe((report.moved ?? Number.NaN) + report.failed);
    proxy.reset();
    const moved = bodies(await takeAll(queue));
    const left = bodies(await takeAll(dead));
    expect([...moved, ...left].length).toBe(30);
    const group = (list: string[]) => list.map((body) => Number(body.slice(5))).filter((i) => i % 3 === 1);
    expect(group(left)).toContain(4);
    // fauxqs gives one message of a group at a time, so nothing behind the failed one can have left before it.
    expect(group(moved).every((i) => i < 4)).toBe(true);
  });

  it('FIFO: with a filter too, the next ones of a group are waited for, however long the first take to be sent', async () => {
    const { queue, dead } = await deadLetters(9, true);
    const nothingMore = Promise.withResolvers<void>();
    proxy.spoil('ReceiveMessage', async (_, forward) => {
      const answer = await forward();
      const { Messages: messages } = answer.body as { Messages?: readonly unknown[] };
      if (messages === undefined || messages.length === 0) nothingMore.resolve();
      return answer;
    });
    proxy.spoil('SendMessageBatch', async () => {
      await nothingMore.promise;
      return null;
    });
    const all = await compileFilter('raw.startsWith("dead")');
    const plan = await planRedrive(redriveOf(broker, queue, { filter: all, signal: never }));
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
    expect(report).toMatchObject({ matched: 9, moved: 9, left: 0, complete: true });
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(9);
    expect((await takeAll(dead)).length).toBe(0);
  });

  it('FIFO: a redrive right after the first send arrives, although SQS has just seen the same deduplication ids', async () => {
    const name = uniqueName('again', true);
    const queue = await createQueue(broker, name, { deadLetterQueue: uniqueName('again-dlq', true), maxReceives: 1 });
    await fill(queue, [outgoing('x', { groupId: 'g', deduplicationId: 'first' })]);
    for (let failure = 0; failure < 2; failure += 1) {
      const consumer = await consume(queue, { limit: 1 });
      for await (const { receipt } of consumer) await receipt.release({ failure: 'no' });
      await consumer.close();
    }
    expect(await redrive(queue)).toMatchObject({ moved: 1 });
    expect(bodies(await takeAll(queue))).toEqual(['x']);
  });

  it('a purge of what is ready does not end at the first message that came after its start', async () => {
    const queue = await createQueue(broker, uniqueName('live'));
    await fill(queue, [
      outgoing('later', { delayMs: 600_000 }),
      ...['a', 'b', 'c', 'd', 'e'].map((text) => outgoing(text)),
    ]);
    let first: string | null = null;
    proxy.spoil('ReceiveMessage', async (_, forward) => {
      const answer = await forward();
      const { Messages: messages = [] } = answer.body as { Messages?: { MessageId: string; Attributes: object }[] };
      first ??= messages[0]?.MessageId ?? null;
      const changed = messages.map((message) =>
        message.MessageId === first
          ? { ...message, Attributes: { ...message.Attributes, SentTimestamp: String(Date.now() + 60_000) } }
          : message,
      );
      return { status: answer.status, body: { ...answer.body, Messages: changed } };
    });
    await queue.purge?.({ states: ['ready'], notice: () => {}, signal: never });
    proxy.reset();
    expect(await queue.stats(never)).toMatchObject({ ready: 1, inFlight: 0, delayed: 1 });
  });

  it('a short poll that finds nothing is not taken for an empty queue', async () => {
    const name = uniqueName('sampled');
    await fill(await createQueue(broker, name), [outgoing('x')]);
    const careful = await openAt(proxy.url, '');
    const queue = await careful.queue(name, never);
    let polls = 0;
    proxy.spoil('ReceiveMessage', async () => (++polls <= 2 ? { status: 200, body: {} } : null));
    expect((await takeAll(queue)).length).toBe(1);
    expect(proxy.of('ReceiveMessage').every(({ input }) => Number(input.WaitTimeSeconds) >= 1)).toBe(true);
    await careful.close();
  });

  it('short polls, where they are asked for, do not end while SQS counts ready messages', async () => {
    const queue = await createQueue(broker, uniqueName('sampled'));
    await fill(queue, [outgoing('x')]);
    let polls = 0;
    proxy.spoil('ReceiveMessage', async () => (++polls <= 2 ? { status: 200, body: {} } : null));
    expect(bodies(await takeAll(queue))).toEqual(['x']);
    expect(proxy.of('ReceiveMessage').every(({ input }) => input.WaitTimeSeconds === 0)).toBe(true);
  });

  it('a count that may not be read is no count of 0: short polls go on, and a FIFO group behind held ones is told', async () => {
    const denied = async () => refusal('AccessDenied', 'not authorized', 403);
    const queue = await createQueue(broker, uniqueName('sampled'));
    await fill(queue, [outgoing('x')]);
    let polls = 0;
    proxy.spoil('GetQueueAttributes', denied);
    proxy.spoil('ReceiveMessage', async () => (++polls <= 2 ? { status: 200, body: {} } : null));
    expect(bodies(await takeAll(queue))).toEqual(['x']);
    proxy.reset();
    const fifo = await createQueue(broker, uniqueName('blocked', true));
    await fill(
      fifo,
      ['a', 'b'].map((text) => outgoing(text, { groupId: 'one' })),
    );
    proxy.spoil('GetQueueAttributes', denied);
    const notices: string[] = [];
    const consumer = await consume(fifo, { window: 'unbounded', limit: 1, notice: (text) => notices.push(text) });
    expect(await collect(consumer)).toHaveLength(1);
    expect(consumer.unseen).toBe(0);
    const second = await consume(fifo, { window: 'unbounded', besideHeld: true, notice: (text) => notices.push(text) });
    expect(await collect(second)).toEqual([]);
    expect(second.unseen).toBeGreaterThan(0);
    expect(notices).toEqual([
      expect.stringMatching(/may not have been looked at \(how many are left cannot be read\)/),
    ]);
    await second.close();
    await consumer.close();
  });

  it.each([
    ['of which the count is stale', { status: 200, body: { Attributes: { ApproximateNumberOfMessages: '7' } } }, 6],
    // Nothing contradicts an end, and nothing confirms it.
    ['that may not be counted', refusal('AccessDenied', 'not authorized'), 6],
  ])('short polls end all the same for a queue %s', async (_, answer, polls) => {
    const queue = await createQueue(broker, uniqueName('stale'));
    proxy.reset();
    proxy.spoil('GetQueueAttributes', async () => answer);
    expect(await takeAll(queue)).toEqual([]);
    expect(proxy.of('ReceiveMessage')).toHaveLength(polls);
  });

  it('a message that comes twice while it is held is delivered once and deleted by its newest receipt', async () => {
    const queue = await createQueue(broker, uniqueName('twice'));
    await fill(queue, [outgoing('x')]);
    proxy.spoil('ReceiveMessage', async (_, forward) => {
      const answer = await forward();
      const messages = (answer.body.Messages as object[] | undefined) ?? [];
      const stale = messages.map((message) => ({ ...message, ReceiptHandle: 'stale' }));
      return { ...answer, body: { Messages: [...stale, ...messages] } };
    });
    expect((await takeAll(queue)).length).toBe(1);
    expect(
      proxy
        .of('DeleteMessageBatch')
        .flatMap(entriesOf)
        .map(({ ReceiptHandle }) => ReceiptHandle),
    ).not.toContain('stale');
    expect((await queue.stats(never)).depth).toBe(0);
  });

  it('OverLimit while receiving is told, and what was taken goes back', async () => {
    const queue = await createQueue(broker, uniqueName('over'));
    await fill(queue, [outgoing('x')]);
    proxy.spoil('ReceiveMessage', async (call) =>
      proxy.of(call.action).length > 1 ? refusal('OverLimit', 'too many in flight', 403) : null,
    );
    const seen: string[] = [];
    const look = await peek(queue, { limit: null });
    await expect(
      (async () => {
        for await (const message of look) seen.push(...bodies([message]));
      })(),
    ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(seen).toEqual(['x']);
    proxy.reset();
    expect((await takeAll(queue)).length).toBe(1);
  });

  it('a permission that is missing is named; one that is not needed is not missed', async () => {
    const queue = await createQueue(broker, uniqueName('denied'));
    const denied = async () => refusal('AccessDeniedException', 'User: arn:aws:iam::1:user/x is not authorized', 403);
    proxy.spoil('ReceiveMessage', denied);
    await expect(takeAll(queue)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('sqs:ReceiveMessage'),
    });
    for (const action of ['GetQueueAttributes', 'ListQueues', 'ListDeadLetterSourceQueues'])
      proxy.spoil(action, denied);
    const producer = await openAt(proxy.url);
    const handle = await producer.queue(queue.name, never);
    expect((await sendAll(handle, [outgoing('x')])).map(({ status }) => status)).toEqual(['sent']);
    await expect(handle.stats(never)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('sqs:GetQueueAttributes'),
    });
    await producer.close();
  });

  it('a queue whose attributes may not be read is listed as unknown, not as empty', async () => {
    const queue = await createQueue(broker, uniqueName('secret'));
    proxy.spoil('GetQueueAttributes', async () => refusal('AccessDenied', '', 403));
    const listed = [];
    const pattern = { globs: [queue.name], matches: (name: string) => name === queue.name };
    for await (const stats of broker.queues(pattern, { notice: () => {}, signal: never })) listed.push(stats);
    expect(listed).toMatchObject([{ queue: queue.name, ready: null, inFlight: null, delayed: null, depth: null }]);
  });

  it('a wrong key, a wrong clock and a server that is not there are told apart', async () => {
    proxy.spoil('GetQueueUrl', async () => refusal('InvalidClientTokenId', 'The security token is invalid', 403));
    await expect(broker.queue('q', never)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    proxy.spoil('GetQueueUrl', async () => refusal('RequestExpired', 'Request has expired', 400));
    await expect(broker.queue('q', never)).rejects.toMatchObject({ message: expect.stringContaining('clock') });
    const nobody = await openAt('http://127.0.0.1:1');
    await expect(nobody.queue('q', never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await nobody.close();
  });

  it('a queue that SQS does not know at once after its creation is waited for, and so is its dead-letter queue', async () => {
    const name = uniqueName('slow');
    const seen = new Map<string, number>();
    /** SQS knows a new queue one call later than it says that it has made it. */
    const unknownAtFirst = async (call: SeenCall): Promise<FaultyAnswer | null> => {
      const queue = String(call.input.QueueName ?? call.input.QueueUrl).replace(/.*\//, '');
      if (!proxy.of('CreateQueue').some(({ input, status }) => input.QueueName === queue && status === 200))
        return null;
      seen.set(`${call.action} ${queue}`, (seen.get(`${call.action} ${queue}`) ?? 0) + 1);
      return seen.get(`${call.action} ${queue}`) === 1 ? refusal('QueueDoesNotExist') : null;
    };
    proxy.spoil('GetQueueUrl', unknownAtFirst);
    proxy.spoil('GetQueueAttributes', unknownAtFirst);
    proxy.spoil('CreateQueue', async ({ input }) =>
      input.QueueName === name && proxy.of('CreateQueue').length === 2
        ? refusal(
            'InvalidParameterValue',
            'Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.',
          )
        : null,
    );
    const queue = await createQueue(broker, name, { deadLetterQueue: `${name}-dlq`, maxReceives: 3 });
    expect(Object.fromEntries(seen)).toEqual({
      [`GetQueueAttributes ${name}-dlq`]: 2,
      [`GetQueueUrl ${name}`]: 4,
      [`GetQueueAttributes ${name}`]: 3,
    });
    expect(proxy.of('CreateQueue').map(({ status }) => status)).toEqual([200, 400, 200]);
    proxy.reset();
    expect(await queue.stats(never)).toMatchObject({ ready: 0, dead: 0 });
  });

  it('a queue that is deleted while the sources of a dead-letter queue are looked for is passed over', async () => {
    const { queue, dead } = await deadLetters(1);
    const gone = await createQueue(broker, uniqueName('gone'));
    let asked = 0;
    proxy.spoil('GetQueueAttributes', async ({ input }) => {
      if (!String(input.QueueUrl).endsWith(`/${gone.name}`)) return null;
      asked += 1;
      return refusal('QueueDoesNotExist');
    });
    expect((await dead.deadLetters?.(never))?.sources).toEqual([queue.name]);
    expect(asked).toBe(1);
  });

  it('a queue that may be created and not looked at is created', async () => {
    const name = uniqueName('blind');
    proxy.spoil('GetQueueAttributes', async () => refusal('AccessDenied', '', 403));
    await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal: never });
    proxy.reset();
    expect((await broker.queue(name, never)).name).toBe(name);
  });

  it('a visibility that cannot be given back is said', async () => {
    const queue = await createQueue(broker, uniqueName('stuck'));
    await fill(queue, [outgoing('x')]);
    proxy.spoil('ChangeMessageVisibilityBatch', async () => refusal('AccessDenied', '', 403));
    const notices: string[] = [];
    const consumer = await consume(queue, { limit: 1, notice: (text) => notices.push(text) });
    await collect(consumer);
    await consumer.close();
    expect(notices).toEqual([expect.stringMatching(/1 message .* could not be given back/)]);
  });
});
