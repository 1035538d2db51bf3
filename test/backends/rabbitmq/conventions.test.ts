import type { Options } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { onChannel, readyOn } from '../../support/rabbitmq/channel.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/**
 * Dead letters that applications publish themselves, as the documentation and the sources of their frameworks say that
 * they write them.
 */
let vhost: RabbitmqVhost;
let mq: CommandLine;
let target: readonly string[];
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  mq = await CommandLine.open();
  target = ['--url', vhost.mqUrl, '--timeout', '30s'];
});
afterAll(async () => {
  await mq.close();
  await vhost.remove();
});

const STAMP = 'X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\';
const BODY = '{"id":12345678901234567890}';

interface Case {
  readonly framework: string;
  /** The queue of its dead letters. */
  readonly parked: string;
  readonly from: string;
  readonly reason: string;
  readonly body?: string;
  readonly headers: Record<string, unknown>;
  readonly at?: string;
}

const CASES: readonly Case[] = [
  {
    framework: 'NServiceBus',
    parked: 'error',
    from: 'Sales',
    reason: 'failed',
    at: '2026-11-27T10:00:00.123Z',
    headers: {
      'NServiceBus.FailedQ': 'Sales',
      'NServiceBus.ExceptionInfo.Message': 'Card expired',
      'NServiceBus.TimeOfFailure': '2026-11-27 10:00:00:123456 Z',
    },
  },
  {
    framework: 'MassTransit',
    parked: 'shipping_error',
    from: 'shipping',
    reason: 'fault',
    at: '2026-11-27T10:00:00.000Z',
    headers: {
      'MT-Reason': 'fault',
      'MT-Fault-Message': 'Card expired',
      'MT-Fault-Timestamp': '2026-11-27T10:00:00.0000000Z',
      'MT-Fault-InputAddress': 'rabbitmq://localhost/shop/shipping?durable=true',
    },
  },
  {
    framework: 'MassTransit, before it wrote an address',
    parked: 'billing_error',
    from: 'billing',
    reason: 'fault',
    headers: { 'MT-Reason': 'fault', 'MT-Fault-Message': 'Card expired' },
  },
  {
    framework: 'Rebus',
    parked: 'rebus-errors',
    from: 'trading',
    reason: 'failed',
    headers: { 'rbs2-source-queue': 'trading', 'rbs2-error-details': 'Card expired: System.Exception …' },
  },
  {
    framework: 'Symfony Messenger',
    parked: 'failed',
    from: 'messages',
    reason: 'failed',
    headers: {
      [`${STAMP}SentToFailureTransportStamp`]: '[{"originalReceiverName":"messages"}]',
      [`${STAMP}ErrorDetailsStamp`]: '[{"exceptionClass":"Exception","exceptionMessage":"Card expired"}]',
    },
  },
  {
    framework: 'Wolverine',
    parked: 'wolverine-dead-letter-queue',
    from: 'incoming',
    reason: 'failed',
    at: '2026-11-27T10:00:00.000Z',
    headers: {
      'exception-type': 'System.Exception',
      'exception-message': 'Card expired',
      'failed-at': '1795773600000',
      'original-destination': 'rabbitmq://queue/incoming',
    },
  },
  {
    framework: 'an application that parks what died by the broker',
    parked: 'parked',
    from: 'work',
    reason: 'rejected',
    headers: {
      'x-death': [
        { count: 1, reason: 'expired', queue: 'work.retry', exchange: '' },
        { count: 3, reason: 'rejected', queue: 'work', exchange: '' },
      ],
      'x-exception-stacktrace': 'java.lang.Exception: Card expired',
      'x-exception-message': 'Card expired',
      'x-original-exchange': '',
      'x-original-routingKey': 'work',
    },
  },
];

async function declare(...queues: readonly string[]): Promise<void> {
  await onChannel(vhost.url, async (channel) => {
    for (const queue of queues) await channel.assertQueue(queue);
  });
}

async function publish(queue: string, body: string, options: Options.Publish = {}): Promise<void> {
  await onChannel(vhost.url, async (channel) => {
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true, messageId: 'm-1', ...options });
  });
  await expect.poll(() => readyOn(vhost.url, queue)).toBeGreaterThan(0);
}

/** Takes the only message out, as a consumer sees it. */
function consumed(queue: string) {
  return onChannel(vhost.url, async (channel) => {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) throw new Error(`nothing in ${queue}`);
    return { body: message.content.toString(), properties: message.properties };
  });
}

const redrive = (...args: readonly string[]) => mq.run([...target, 'redrive', ...args, '--yes', '-o', 'json']);

test.each(CASES)(
  '$framework: it says where a message died of what, and gets it back as it was',
  async ({ parked, from, reason, headers, at }) => {
    await declare(parked, from);
    await publish(parked, BODY, { headers: { own: 'x', ...headers } });

    const groups = JSON.parse((await mq.ok([...target, 'stats', parked, '--dead', '-o', 'json'])).stdout);
    expect(groups).toMatchObject([{ from, reason, error: expect.stringContaining('Card expired'), count: 1 }]);
    const [peeked] = JSON.parse((await mq.ok([...target, 'peek', parked, '-o', 'json'])).stdout);
    expect(peeked).toMatchObject({ state: 'dead', dead: { from, reason, at: at ?? null } });

    expect(JSON.parse((await redrive(parked)).stdout)).toMatchObject({ moved: 1, failed: 0, to: [from] });
    const back = await consumed(from);
    expect(back.body).toBe(BODY);
    expect(back.properties.headers).toEqual({ own: 'x' });
    expect(back.properties.messageId).toBe('m-1');
    expect(await readyOn(vhost.url, parked)).toBe(0);
  },
);

test.each(CASES.filter(({ framework }) => /NServiceBus|by the broker/.test(framework)))(
  '$framework: its marks go too where the target is said, but for --keep-death-headers',
  async ({ parked, headers }) => {
    await declare(parked, 'elsewhere');
    await publish(parked, BODY, { headers: { own: 'x', ...headers } });
    expect((await redrive(parked, '--to', 'elsewhere', '--keep-death-headers')).code).toBe(0);
    const kept = await consumed('elsewhere');
    expect(kept.properties.headers).toMatchObject({ own: 'x', ...headers });
    await publish(parked, BODY, { headers: { own: 'x', ...headers } });
    expect((await redrive(parked, '--to', 'elsewhere')).code).toBe(0);
    expect((await consumed('elsewhere')).properties.headers).toEqual({ own: 'x' });
  },
);

test('EasyNetQ: what comes back is the message in its envelope, with its own properties', async () => {
  const parked = 'EasyNetQ_Default_Error_Queue';
  await declare(parked, 'Shop.Order_mail');
  const envelope = {
    RoutingKey: 'rk',
    Exchange: 'Shop.Order',
    Queue: 'Shop.Order_mail',
    Exception: 'System.Exception: Card expired\n   at A.B()',
    Message: BODY,
    DateTime: '2026-11-27T10:00:00Z',
    BasicProperties: {
      ContentType: 'application/json',
      DeliveryMode: 2,
      Priority: 3,
      CorrelationId: 'c-1',
      Expiration: '01:00:00',
      MessageId: 'inner',
      Timestamp: 1795773600,
      Type: 'Shop.Order, Shop',
      AppId: 'shop',
      Headers: { text: { Type: 14, Value: 'aGk=' }, n: { Type: 6, Value: 7 } },
    },
  };
  await publish(parked, JSON.stringify(envelope), {
    type: 'EasyNetQ.SystemMessages.Error, EasyNetQ',
    messageId: 'outer',
  });
  const groups = JSON.parse((await mq.ok([...target, 'stats', parked, '--dead', '-o', 'json'])).stdout);
  expect(groups).toMatchObject([{ from: 'Shop.Order_mail', error: 'System.Exception: Card expired' }]);
  expect(JSON.parse((await redrive(parked)).stdout)).toMatchObject({ moved: 1, to: ['Shop.Order_mail'] });
  const { body, properties } = await consumed('Shop.Order_mail');
  expect(body).toBe(BODY);
  expect(properties).toMatchObject({
    contentType: 'application/json',
    deliveryMode: 2,
    priority: 3,
    correlationId: 'c-1',
    expiration: '3600000',
    messageId: 'inner',
    timestamp: 1795773600,
    type: 'Shop.Order, Shop',
    appId: 'shop',
    headers: { text: 'hi', n: 7 },
  });
});

describe('a message that names the exchange and the key that it came by', () => {
  const headers = {
    'x-exception-stacktrace': 'java.lang.Exception: no',
    'x-exception-message': 'no',
    'x-original-exchange': 'shop',
    'x-original-routingKey': 'order.new',
  };

  test('goes to the only queue that they lead to; to none, and told why, where they lead to several or none', async () => {
    await declare('shop.parked', 'shop.orders', 'shop.audit');
    await onChannel(vhost.url, async (channel) => {
      await channel.assertExchange('shop', 'topic');
      await channel.bindQueue('shop.orders', 'shop', 'order.*');
      await channel.bindQueue('shop.audit', 'shop', 'audit.#');
    });
    await publish('shop.parked', BODY, { headers });
    const groups = JSON.parse((await mq.ok([...target, 'stats', 'shop.parked', '--dead', '-o', 'json'])).stdout);
    expect(groups).toMatchObject([{ from: 'shop.orders', error: 'no' }]);
    expect(JSON.parse((await redrive('shop.parked')).stdout)).toMatchObject({ moved: 1, to: ['shop.orders'] });
    expect((await consumed('shop.orders')).properties.headers).toEqual({});

    await onChannel(vhost.url, (channel) => channel.bindQueue('shop.audit', 'shop', '#'));
    await publish('shop.parked', BODY, { headers });
    const tried = JSON.parse((await redrive('shop.parked', '--dry-run')).stdout);
    const several = await redrive('shop.parked');
    expect(tried.failures).toEqual(JSON.parse(several.stdout).failures);
    expect(several.code).not.toBe(0);
    expect(JSON.parse(several.stdout)).toMatchObject({ moved: 0, failed: 1 });
    expect(several.stdout).toContain('several queues: shop.audit, shop.orders; use --to QUEUE');
    expect(await readyOn(vhost.url, 'shop.parked')).toBe(1);

    await onChannel(vhost.url, (channel) => channel.deleteExchange('shop'));
    expect((await redrive('shop.parked')).stdout).toContain('leads to no queue now; use --to QUEUE');
    expect((await redrive('shop.parked', '--to', 'shop.orders')).code).toBe(0);
    expect((await consumed('shop.orders')).properties.headers).toEqual({});
  });

  test('and came back by them, is no dead letter', async () => {
    await declare('shop.work');
    await onChannel(vhost.url, async (channel) => {
      await channel.assertExchange('shop.in', 'direct');
      await channel.bindQueue('shop.work', 'shop.in', 'order.new');
      channel.publish('shop.in', 'order.new', Buffer.from(BODY), {
        headers: { ...headers, 'x-original-exchange': 'shop.in' },
      });
    });
    await expect.poll(() => readyOn(vhost.url, 'shop.work')).toBe(1);
    const [peeked] = JSON.parse((await mq.ok([...target, 'peek', 'shop.work', '-o', 'json'])).stdout);
    expect(peeked).toMatchObject({ state: 'ready', dead: null });
  });
});

test('a queue that is gone: its dead letters stay, and the hint is --to', async () => {
  await declare('error.gone');
  await publish('error.gone', BODY, { headers: { 'NServiceBus.FailedQ': 'gone' } });
  const tried = await redrive('error.gone', '--dry-run');
  const { code, stdout } = await redrive('error.gone');
  expect(code).not.toBe(0);
  expect(tried.code).toBe(code);
  expect(JSON.parse(tried.stdout)).toMatchObject({ moved: 0, failed: 1, failures: JSON.parse(stdout).failures });
  expect(JSON.parse(stdout)).toMatchObject({ moved: 0, failed: 1 });
  expect(JSON.parse(stdout).failures[0].reason).toMatch(/gone.*; use --to QUEUE$/);
  expect(await readyOn(vhost.url, 'error.gone')).toBe(1);
});

test('the statistics of a queue without links say what its name says', async () => {
  await declare('payments_error');
  const { stderr } = await mq.ok([...target, 'stats', 'payments_error']);
  expect(stderr).toContain('MassTransit could not handle in payments: mq stats payments_error --dead groups it');
  await declare('payments_errors');
  expect((await mq.ok([...target, 'stats', 'payments_errors'])).stderr).not.toContain('MassTransit');
});

test('a queue of fresh work beside it: stats --dead shows nothing, and redrive leaves it', async () => {
  await declare('fresh');
  await publish('fresh', BODY);
  const looked = await mq.run([...target, 'stats', 'fresh', '--dead']);
  expect(looked).toMatchObject({ code: 0, stdout: '' });
  expect(looked.stderr).toContain('1 message bears no known mark of a death');
  expect(JSON.parse((await redrive('fresh')).stdout)).toMatchObject({ moved: 0, failed: 0, left: 1 });
  expect(await readyOn(vhost.url, 'fresh')).toBe(1);
});
