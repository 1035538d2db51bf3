import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import type { FaultProxy } from '../../support/sqs/fault-proxy.ts';
import {
  bodies,
  collect,
  consume,
  createQueue,
  fill,
  never,
  outgoing,
  peek,
  sendAll,
  takeAll,
  uniqueName,
} from '../../support/sqs/harness.ts';

const TEXTS = Array.from({ length: 45 }, (_, i) => `message ${i}`);

let proxy: FaultProxy;
let broker: Broker;

function connectTo(emulator: 'fauxqs' | 'localSqs'): void {
  behindProxy(emulator, (made) => {
    ({ proxy, broker } = made);
  });
}

describe.each(['fauxqs', 'localSqs'] as const)('messages on the emulator %s', (emulator) => {
  connectTo(emulator);

  it('are sent in full batches, each with its id, and taken out once', async () => {
    const queue = await createQueue(broker, uniqueName('batches'));
    proxy.reset();
    const outcomes = await sendAll(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    expect(new Set(outcomes.map((outcome) => outcome.status))).toEqual(new Set(['sent']));
    expect(proxy.of('SendMessageBatch').map(({ input }) => (input.Entries as unknown[]).length)).toEqual([
      10, 10, 10, 10, 5,
    ]);
    const taken = await takeAll(queue);
    expect(bodies(taken).sort()).toEqual([...TEXTS].sort());
    expect(taken.map(({ id }) => id).sort()).toEqual(
      outcomes.map((outcome) => (outcome.status === 'sent' ? outcome.id : null)).sort(),
    );
    expect(await queue.stats(never)).toMatchObject({ ready: 0, inFlight: 0, depth: 0, oldestAgeMs: null });
  });

  it('are split by bytes where ten would be over 1 MiB', async () => {
    const queue = await createQueue(broker, uniqueName('bytes'));
    proxy.reset();
    const outcomes = await sendAll(
      queue,
      Array.from({ length: 7 }, (_, i) => outgoing(String(i).repeat(400_000))),
    );
    expect(outcomes.every(({ status }) => status === 'sent')).toBe(true);
    expect(proxy.of('SendMessageBatch').map(({ input }) => (input.Entries as unknown[]).length)).toEqual([2, 2, 2, 1]);
    expect((await takeAll(queue)).length).toBe(7);
  });

  it('are never received beyond the limit', async () => {
    const queue = await createQueue(broker, uniqueName('limit'));
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    proxy.reset();
    expect((await takeAll(queue, { limit: 3 })).length).toBe(3);
    const received = proxy
      .of('ReceiveMessage')
      .reduce((sum, { output }) => sum + ((output?.Messages as unknown[] | undefined)?.length ?? 0), 0);
    expect(received).toBe(3);
    proxy.reset();
    expect((await takeAll(queue, { limit: 34 })).length).toBe(34);
    expect((await queue.stats(never)).depth).toBe(TEXTS.length - 37);
  });

  it('wait for later ones when followed, until they are idle', async () => {
    const queue = await createQueue(broker, uniqueName('follow'));
    const taking = takeAll(queue, { follow: true, idleMs: 4_000 });
    const cameInVain = () => proxy.of('ReceiveMessage').some(({ output }) => output !== null);
    await expect.poll(cameInVain).toBe(true);
    await fill(queue, [outgoing('late')]);
    expect(bodies(await taking)).toEqual(['late']);
  });

  it('are visible after a look that was left early or aborted', async () => {
    const queue = await createQueue(broker, uniqueName('early'));
    await fill(
      queue,
      TEXTS.slice(0, 20).map((text) => outgoing(text)),
    );
    for await (const _ of await peek(queue, { limit: null })) break;
    const abort = new AbortController();
    for await (const _ of await peek(queue, { limit: null, signal: abort.signal })) abort.abort();
    proxy.reset();
    const taken = await takeAll(queue);
    expect(taken.length).toBe(20);
    const [first] = proxy.of('ReceiveMessage');
    expect(first?.output?.Messages).toHaveLength(10);
  });

  it('come when their delay is over', async () => {
    const queue = await createQueue(broker, uniqueName('delay'));
    await fill(queue, [outgoing('later', { delayMs: 2000 }), outgoing('now')]);
    // local-aws-sqs counts even a message without a delay as delayed for an instant.
    await expect.poll(() => queue.stats(never)).toMatchObject({ ready: 1, delayed: 1, depth: 2 });
    expect(bodies(await takeAll(queue, { follow: true, idleMs: 20_000, limit: 2 }))).toEqual(['now', 'later']);
  });
});

/**
 * local-aws-sqs counts in-flight messages as visible, moves a message to the dead-letter queue one receive too early
 * and does not lock groups.
 */
describe('messages on the emulator fauxqs, where it follows AWS and local-aws-sqs does not', () => {
  connectTo('fauxqs');

  it('stay within the window until they are settled', async () => {
    const queue = await createQueue(broker, uniqueName('window'));
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    const consumer = await consume(queue, { window: 12 });
    const iterator = consumer[Symbol.asyncIterator]();
    const held = [];
    for (let i = 0; i < 12; i += 1) {
      const { value } = await iterator.next();
      held.push(value);
    }
    const blocked = iterator.next();
    expect((await queue.stats(never)).ready).toBe(TEXTS.length - 12);
    await Promise.all(held.map((delivery) => delivery.receipt.ack()));
    expect((await blocked).done).toBe(false);
    await consumer.close();
    expect((await queue.stats(never)).depth).toBe(TEXTS.length - 12);
  });

  it('are looked at in order, once each, and all visible afterwards with one more receive', async () => {
    const name = uniqueName('peek');
    const queue = await createQueue(broker, name, { deadLetterQueue: uniqueName('peek-dlq'), maxReceives: 5 });
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    const look = await peek(queue, { limit: 25 });
    expect(look.price).toMatch(/adds 1 to the receive count .*5 are allowed/);
    const seen = [];
    for await (const message of look) seen.push(message);
    expect(bodies(seen)).toEqual(TEXTS.slice(0, 25));
    expect(seen.every(({ receiveCount }) => receiveCount === 1)).toBe(true);
    expect(bodies(await takeAll(queue)).sort()).toEqual([...TEXTS].sort());
  });

  it('are not looked at where a look would be their last but one', async () => {
    const queue = await createQueue(broker, uniqueName('near'), {
      deadLetterQueue: uniqueName('near-dlq'),
      maxReceives: 3,
    });
    await fill(queue, [outgoing('x')]);
    const looked = async (force: boolean) => {
      const counts = [];
      for await (const { receiveCount } of await peek(queue, { force })) counts.push(receiveCount);
      return counts;
    };
    expect(await looked(false)).toEqual([1]);
    await expect(looked(false)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await looked(true)).toEqual([3]);
    const strict = await createQueue(broker, uniqueName('strict'), {
      deadLetterQueue: uniqueName('strict-dlq'),
      maxReceives: 2,
    });
    await fill(strict, [outgoing('x')]);
    proxy.reset();
    await expect(peek(strict)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(proxy.of('ReceiveMessage')).toEqual([]);
  });

  it('on FIFO say when some could not be looked at behind those that are held', async () => {
    const queue = await createQueue(broker, uniqueName('blocked', true));
    await fill(
      queue,
      TEXTS.slice(0, 15).map((text) => outgoing(text, { groupId: 'one' })),
    );
    const notices: string[] = [];
    const consumer = await consume(queue, { window: 'unbounded', notice: (text) => notices.push(text) });
    const held = await collect(consumer);
    await consumer.close();
    expect(held.length).toBeGreaterThan(0);
    expect(held.length).toBeLessThan(15);
    expect(consumer.unseen).toBe(15 - held.length);
    expect(notices).toEqual([
      expect.stringMatching(/messages of \S+ were not looked at: SQS shows no more of a FIFO group/),
    ]);
  });

  it('are all gone after a purge, those in flight too', async () => {
    const queue = await createQueue(broker, uniqueName('purged'));
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    const consumer = await consume(queue, { limit: 5 });
    await collect(consumer);
    const options = { notice: () => {}, signal: never };
    await queue.purge?.({ states: ['ready'], ...options });
    expect(await queue.stats(never)).toMatchObject({ ready: 0, inFlight: 5 });
    await queue.purge?.({ states: ['ready', 'in-flight', 'delayed'], ...options });
    await consumer.close();
    expect((await queue.stats(never)).depth).toBe(0);
  });
});
