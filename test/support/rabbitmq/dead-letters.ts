import type { Channel, ConsumeMessage } from 'amqplib';
import { onChannel } from './channel.ts';
import { RawAmqp, rawHeader, rawLong, rawProperties, rawShort } from './raw-amqp.ts';

/** The `x-death` header as the broker writes it for a message that a consumer of `queue` rejected. */
function deathOf(queue: string): Buffer {
  const entry = [
    rawHeader('count', 'l', Buffer.from('0000000000000001', 'hex')),
    rawHeader('reason', 'S', rawLong('rejected')),
    rawHeader('queue', 'S', rawLong(queue)),
    rawHeader('exchange', 'S', rawLong('')),
  ];
  return rawHeader('x-death', 'A', rawLong(Buffer.concat([Buffer.from('F'), rawLong(Buffer.concat(entry))])));
}

/** Puts `count` dead letters of `queue` into `deadLetterQueue`, numbered in their message ids and bodies from 0. */
export async function fillWithDeadLetters(
  url: string,
  queue: string,
  deadLetterQueue: string,
  count: number,
): Promise<void> {
  await using raw = await RawAmqp.open(url);
  const death = rawLong(deathOf(queue));
  await raw.publishAll(
    deadLetterQueue,
    Array.from({ length: count }, (_, n) => ({
      // headers, delivery-mode 2, message-id
      properties: rawProperties(0b0011_0000_1000_0000, [death, Buffer.from([2]), rawShort(String(n))]),
      body: Buffer.from(String(n)),
    })),
  );
}

/** The numbers of all messages in a queue, in order; takes them out. */
export async function takeNumbers(url: string, queue: string): Promise<number[]> {
  const numbers: number[] = [];
  await onChannel(url, async (channel) => {
    // By a consumer: each `get` is a round trip, and in a quorum queue an entry of its log.
    const { messageCount } = await channel.checkQueue(queue);
    if (messageCount > 0) await takeBy(channel, queue, messageCount, numbers);
    for (let last = await channel.get(queue, { noAck: true }); last !== false; ) {
      numbers.push(Number(last.content.toString()));
      last = await channel.get(queue, { noAck: true });
    }
  });
  return numbers;
}

async function takeBy(channel: Channel, queue: string, count: number, numbers: number[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  channel.once('close', () => reject(new Error(`the channel ended after ${numbers.length} of ${count} messages`)));
  const take = (message: ConsumeMessage | null): void => {
    if (message === null) reject(new Error(`${queue} is gone`));
    else if (numbers.push(Number(message.content.toString())) >= count) resolve();
  };
  const [{ consumerTag }] = await Promise.all([channel.consume(queue, take, { noAck: true }), promise]);
  // What comes before the broker has answered this is taken too.
  await channel.cancel(consumerTag);
}
