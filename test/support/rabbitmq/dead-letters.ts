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
  await using raw = await RawAmqp.open(url);
  const numbers: number[] = [];
  for (let message = await raw.get(queue); message !== null; message = await raw.get(queue)) {
    numbers.push(Number(message.body.toString()));
  }
  return numbers;
}
