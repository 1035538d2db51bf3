import { type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runMq } from '../../support/mq.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/** `inspect` is how one finds out why another verb refuses: it shows what is not clear, and what could not be read. */
let vhost: RabbitmqVhost;
let connection: ChannelModel;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  await channel.assertExchange('dead', 'fanout');
  for (const name of ['dead-a', 'dead-b']) {
    await channel.assertQueue(name);
    await channel.bindQueue(name, 'dead', '');
  }
  await channel.assertQueue('orders', { deadLetterExchange: 'dead' });
});
afterAll(async () => {
  await connection.close();
  await vhost.remove();
});

test('dead letters that go to several queues: the reason stands where the queue would, and all else is shown', async () => {
  const at = ['--url', vhost.mqUrl];
  const refused = await runMq([...at, 'redrive', 'orders', '--yes']);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is not clear') });
  const { code, stdout } = await runMq([...at, 'inspect', 'orders']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^dead letters\t\? \(where the dead letters of "orders" are is not clear: .+\)$/m);
  expect(stdout).toMatch(/^ready\t0$/m);
  expect(await jsonOf([...at, 'inspect', 'orders', '-o', 'json'])).toMatchObject({
    stats: { queue: 'orders', ready: 0 },
    deadLetters: null,
    notes: { deadLetters: expect.stringContaining('is not clear') },
  });
});

test('without the management API: the figures of AMQP, and what needs that API says so', async () => {
  const at = ['--url', `${vhost.mqUrl.split('?')[0]}?management=http://127.0.0.1:1`];
  expect(await jsonOf([...at, 'inspect', 'orders', '-o', 'json'])).toMatchObject({
    stats: { ready: 0, dead: null },
    deadLetters: null,
    notes: { deadLetters: expect.stringContaining('needs the management API') },
  });
});
