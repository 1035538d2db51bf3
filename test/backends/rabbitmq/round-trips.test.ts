import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { channel, vhost } from '../../support/rabbitmq/lab.ts';
import { type RoundTrips, roundTrips, type Spoken } from '../../support/round-trips.ts';

let command: CommandLine;
let network: RoundTrips;
let url: string;

beforeAll(async () => {
  command = await CommandLine.open();
  network = await roundTrips({ amqp: vhost.url, http: vhost.managementUrl });
  const { amqp = '', http = '' } = network.urls;
  url = `${amqp}?management=${encodeURIComponent(http)}`;
  await channel.assertQueue('plain');
  // Nothing is published to the other: of one with traffic, stats tells more.
  await channel.assertQueue('sent');
  await channel.assertQueue('full');
  channel.sendToQueue('full', Buffer.from('x'));
  await channel.assertQueue('orders.dlq');
  await channel.assertExchange('dlx', 'direct');
  await channel.assertQueue('shop.dlq');
  await channel.bindQueue('shop.dlq', 'dlx', 'shop');
  await channel.assertQueue('shop', { deadLetterExchange: 'dlx' });
  await channel.assertQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'orders.dlq' });
});

afterAll(async () => {
  await network.close();
  await command.close();
});

const said = (...args: readonly string[]): Promise<Spoken> => network.during(() => command.ok(['--url', url, ...args]));

/** The paths below `/api` that were asked for, without their queries; the vhost is `V`. */
const asked = ({ written }: Spoken): readonly string[] =>
  [...(written.http ?? '').matchAll(/^GET \/api([^\s?]*)/gm)].map(([, path = '']) =>
    path.replace(vhost.encodedName, 'V'),
  );

/** In its first seconds, a queue has no figures, and one more question is asked. */
async function figuresOf(...queues: readonly string[]): Promise<void> {
  for (const queue of queues) {
    const told = async () =>
      Object(await vhost.request('GET', `/api/queues/${vhost.encodedName}/${queue}`)).effective_policy_definition;
    await expect.poll(told).toBeDefined();
  }
}

/** Lists whose length grows with the vhost. */
const WHOLE = /^\/(?:queues|exchanges|bindings|consumers)\/V$/;

async function died(queue: string): Promise<void> {
  const before = (await channel.checkQueue(`${queue}.dlq`)).messageCount;
  channel.sendToQueue(queue, Buffer.from('x'));
  const took = async () => (await channel.get(queue)) || null;
  await expect
    .poll(async () => {
      const got = await took();
      if (got !== null) channel.nack(got, false, false);
      return (await channel.checkQueue(`${queue}.dlq`)).messageCount;
    })
    .toBeGreaterThan(before);
}

describe('round trips in a row, the five of opening a connection and the one of closing it among them', () => {
  test.each<readonly [string, readonly string[], number, readonly number[]]>([
    ['stats', ['stats', 'plain'], 6, [5]],
    ['enqueue', ['enqueue', 'sent', 'x'], 9, [8]],
    ['peek', ['peek', 'full'], 15, [12]],
    ['purge', ['purge', 'plain', '--yes'], 7, [6]],
  ])('%s', async (_, args, most, connections) => {
    await figuresOf('plain', 'sent', 'full');
    const spoken = await said(...args);
    expect({ ...spoken, written: null }).toMatchObject({ turns: { amqp: connections } });
    expect(spoken.inARow).toBeLessThanOrEqual(most);
  });
});

test('a queue is looked up once', async () => {
  await figuresOf('plain', 'sent');
  expect(asked(await said('stats', 'plain')).toSorted()).toEqual(['/cluster-name', '/queues/V/plain']);
  const paths = asked(await said('enqueue', 'sent', 'x'));
  expect(paths.toSorted()).toEqual(['/cluster-name', '/operator-policies/V', '/policies/V', '/queues/V/sent']);
});

describe('however many queues there are, redrive asks only for those on the way of its dead letters', () => {
  const onTheWay = ['/exchanges/V/dlx', '/exchanges/V/dlx/bindings/source', '/queues/V/shop', '/queues/V/shop.dlq'];

  test.each<readonly [string, readonly string[]]>([
    ['redrive --dry-run', ['redrive', 'shop', '--dry-run']],
    ['redrive', ['redrive', 'shop', '--yes']],
  ])('%s', async (_, args) => {
    await figuresOf('shop', 'shop.dlq');
    await died('shop');
    const paths = asked(await said(...args));
    expect(paths).toEqual(expect.arrayContaining(onTheWay));
    expect(paths.filter((path) => WHOLE.test(path))).toEqual([]);
  });

  test('a message that does not say who lost it: then all queues are, as any of them may have', async () => {
    channel.sendToQueue('shop.dlq', Buffer.from('silent'));
    await expect.poll(async () => (await channel.checkQueue('shop.dlq')).messageCount).toBeGreaterThan(0);
    const paths = asked(await said('redrive', 'shop', '--yes'));
    expect(paths.filter((path) => path === '/queues/V')).toHaveLength(1);
    expect((await channel.checkQueue('shop.dlq')).messageCount).toBe(0);
  });
});

test('a connection that may have only one channel is enough', async () => {
  const narrow = `${vhost.mqUrl}&channel_max=1`;
  for (const args of [
    ['enqueue', 'plain', 'x'],
    ['stats', 'plain'],
    ['peek', 'plain'],
    ['purge', 'plain', '--yes'],
  ])
    await command.ok(['--url', narrow, ...args]);
});
