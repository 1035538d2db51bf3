import { MqError } from '../contract/errors.ts';
import type { Delivery, SendOutcome } from '../contract/message.ts';
import type { ConsumeOptions, Consumer, Publisher, PublisherOptions, Queue } from '../contract/queue.ts';
import { wrapConsumer, wrapPublisher, wrapQueue } from '../contract/wrap.ts';

/**
 * Where it breaks. `ack`: with the connection, between the confirmation and the ack. `ack-refused`: only that one ack.
 */
export type Break = 'ack' | 'ack-refused' | 'take' | 'send-fails' | 'send-unknown';

/** The call at which it breaks: some have succeeded before it, and some are in the air. */
const AT = 5;

/**
 * A real queue that breaks at one place, once; null: nowhere. It has no native move, so that the engine does the work.
 * `cut` closes the queue's connection, as a network failure does.
 */
export function brokenQueue(queue: Queue, where: Break | null, cut: () => Promise<void> = async () => {}): Queue {
  const { consume, publisher } = queue;
  return wrapQueue(queue, {
    nativeMove: undefined,
    ...(consume && {
      consume: async (options: ConsumeOptions) => brokenConsumer(await consume.call(queue, options), where, cut),
    }),
    ...(publisher && {
      publisher: async (options: PublisherOptions) => brokenPublisher(await publisher.call(queue, options), where),
    }),
  });
}

function brokenConsumer(consumer: Consumer, where: Break | null, cut: () => Promise<void>): Consumer {
  let acks = 0;
  let taken = 0;
  async function* deliveries(): AsyncGenerator<Delivery> {
    for await (const delivery of consumer) {
      taken += 1;
      if (where === 'take' && taken === AT) {
        await cut();
        throw new MqError('UNAVAILABLE', 'the connection broke');
      }
      const { receipt } = delivery;
      const ack = async () => {
        acks += 1;
        if (where === 'ack-refused' && acks === AT) throw new MqError('UNAVAILABLE', 'no answer');
        if (where === 'ack' && acks >= AT) {
          await cut();
          throw new MqError('UNAVAILABLE', 'the connection broke');
        }
        await receipt.ack();
      };
      const hold = receipt.hold?.bind(receipt);
      yield { ...delivery, receipt: { ack, release: (options) => receipt.release(options), ...(hold && { hold }) } };
    }
  }
  const iteration = deliveries();
  return wrapConsumer(consumer, { [Symbol.asyncIterator]: () => iteration });
}

function brokenPublisher(publisher: Publisher, where: Break | null): Publisher {
  let sends = 0;
  return wrapPublisher(publisher, {
    sendAll: undefined,
    sendBodies: undefined,
    async send(message): Promise<SendOutcome> {
      sends += 1;
      if (sends !== AT) return publisher.send(message);
      if (where === 'send-fails') return { status: 'failed', reason: 'the target refuses it' };
      if (where !== 'send-unknown') return publisher.send(message);
      await publisher.send(message);
      return { status: 'unknown', reason: 'the answer was lost' };
    },
  });
}
