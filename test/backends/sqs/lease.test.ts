import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SqsApi } from '../../../src/backends/sqs/api/client.ts';
import { SqsConsumer } from '../../../src/backends/sqs/consumer.ts';
import { transportTo } from '../../../src/backends/sqs/sdk/transport.ts';
import { parseAddress } from '../../../src/backends/sqs/url.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Delivery } from '../../../src/contract/message.ts';
import { sqs } from '../../support/servers.ts';
import { FaultProxy, refusal } from '../../support/sqs/fault-proxy.ts';
import { createQueue, fill, never, openAt, outgoing, takeAll, uniqueName } from '../../support/sqs/harness.ts';

const LEASE_SECONDS = 2;

describe('holding messages on the emulator fauxqs, with a lease of two seconds', () => {
  let proxy: FaultProxy;
  let broker: Broker;
  let api: SqsApi;
  beforeAll(async () => {
    proxy = await FaultProxy.start((await sqs()).fauxqs);
    broker = await openAt(proxy.url);
    const patience = { connectTimeoutMs: 5000, timeoutMs: 30_000, interruption: never };
    const address = parseAddress(`sqs://us-east-1?endpoint=${proxy.url}`);
    api = new SqsApi(address, await transportTo('127.0.0.1', {}, 5000), patience);
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    await api.close();
    await broker.close();
    await proxy.stop();
  });

  async function holding(count: number) {
    const queue = await createQueue(broker, uniqueName('lease'));
    await fill(
      queue,
      Array.from({ length: count }, (_, i) => outgoing(`m${i}`)),
    );
    const { details } = await queue.describe(never);
    const consumer = new SqsConsumer(
      {
        api,
        name: queue.name,
        url: String(details.url),
        fifo: false,
        reception: { waitSeconds: 0, emptyPolls: 1 },
        reading: { queue: queue.name, foreign: false, retentionMs: null },
      },
      {
        state: 'ready',
        limit: count,
        window: 'unbounded',
        follow: false,
        idleMs: null,
        notice: () => {},
        signal: never,
        parallel: 8,
        leaseSeconds: LEASE_SECONDS,
        readyAtStart: null,
        deliveryLimit: null,
      },
    );
    const held: Delivery[] = [];
    for await (const delivery of consumer) held.push(delivery);
    expect(held.length).toBe(count);
    return { queue, consumer, held };
  }

  const pastLease = () => new Promise((resolve) => setTimeout(resolve, LEASE_SECONDS * 1600));

  it('extends every lease, so that nobody else gets them and the ack counts', async () => {
    const { queue, consumer, held } = await holding(25);
    await pastLease();
    expect((await takeAll(queue)).length).toBe(0);
    await Promise.all(held.map(({ receipt }) => receipt.ack()));
    await consumer.close();
    expect((await queue.stats(never)).depth).toBe(0);
    const calls = proxy.calls.length;
    await pastLease();
    expect(proxy.calls.length - calls).toBe(0);
  });

  it('rejects the ack when the lease could not be extended, although SQS answers that it has deleted the message', async () => {
    const { consumer, held } = await holding(3);
    proxy.spoil('ChangeMessageVisibilityBatch', async () => refusal('AccessDenied', '', 403));
    await pastLease();
    const settled = await Promise.allSettled(held.map(({ receipt }) => receipt.ack()));
    expect(proxy.of('DeleteMessageBatch').map(({ status }) => status)).toEqual([200]);
    for (const result of settled) expect(result).toMatchObject({ reason: { code: 'PRECONDITION_FAILED' } });
    proxy.reset();
    await consumer.close();
  });

  it('settles a delivery once, whatever is called after it', async () => {
    const { queue, consumer, held } = await holding(1);
    const [delivery] = held;
    await delivery?.receipt.ack();
    await delivery?.receipt.release();
    await delivery?.receipt.ack();
    await consumer.close();
    expect(proxy.of('DeleteMessageBatch').length).toBe(1);
    expect(proxy.of('ChangeMessageVisibilityBatch').length).toBe(0);
    expect((await queue.stats(never)).depth).toBe(0);
  });
});
