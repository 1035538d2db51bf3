import { expect, test } from 'vitest';
import { broker, channel, notice, signal } from '../../support/rabbitmq/lab.ts';

/**
 * The delivery comes in one piece with the answer to the start of the consumer, and is the last one: the consumer has
 * to be cancelled all the same.
 */
test.each([
  ['classic', {}],
  ['priority', { 'x-max-priority': 10 }],
])('what is released of a %s queue is back while the consumer is open, and with nobody', async (name, args) => {
  await channel.assertQueue(name, { durable: true, arguments: args });
  channel.sendToQueue(name, Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  const queue = await broker.queue(name, signal);
  const options = { state: 'ready', limit: 1, window: 1, follow: false, idleMs: null, givesBack: 'some' } as const;
  for (let n = 0; n < 5; n++) {
    const consumer = await queue.consume?.({ ...options, notice, signal });
    for await (const { receipt } of consumer ?? []) await receipt.release();
    await expect.poll(() => channel.checkQueue(name)).toMatchObject({ messageCount: 1, consumerCount: 0 });
    await consumer?.close();
  }
});
