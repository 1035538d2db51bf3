import { MqError } from '../../src/contract/errors.ts';
import type { Delivery, SendOutcome } from '../../src/contract/message.ts';
import type { ConsumeOptions, Consumer, Publisher, PublisherOptions, Queue } from '../../src/contract/queue.ts';

/**
 * Where it breaks. `ack`: with the connection, between the confirmation and the ack. `ack-refused`: that one ack alone.
 */
export type Break = 'ack' | 'ack-refused' | 'take' | 'send-fails' | 'send-unknown';

/** The call at which it breaks: some have gone well before it, some are in the air. */
const AT = 5;

/**
 * A real queue that breaks at one place, once; null: nowhere. It has no native move, so that the engine does the work.
 * `cut` closes the queue's connection, as a network does.
 */
export function brokenQueue(queue: Queue, where: Break | null, cut: () => Promise<void> = async () => {}): Queue {
  const { nativeMove: _, consume, publisher, ...rest } = bound(queue);
  return {
    ...rest,
    ...(consume === undefined
      ? {}
      : { consume: async (options) => brokenConsumer(await consume(options), where, cut) }),
    ...(publisher === undefined
      ? {}
      : { publisher: async (options) => brokenPublisher(await publisher(options), where) }),
  };
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
      const { message, receipt } = delivery;
      const ack = async () => {
        acks += 1;
        if (where === 'ack-refused' && acks === AT) throw new MqError('UNAVAILABLE', 'no answer');
        if (where === 'ack' && acks >= AT) {
          await cut();
          throw new MqError('UNAVAILABLE', 'the connection broke');
        }
        await receipt.ack();
      };
      yield { message, receipt: { ack, release: (options) => receipt.release(options), keep: () => receipt.keep?.() } };
    }
  }
  const iteration = deliveries();
  return { [Symbol.asyncIterator]: () => iteration, close: () => consumer.close() };
}

function brokenPublisher(publisher: Publisher, where: Break | null): Publisher {
  let sends = 0;
  return {
    misfits: (message) => publisher.misfits(message),
    close: () => publisher.close(),
    async send(message): Promise<SendOutcome> {
      sends += 1;
      if (sends !== AT) return publisher.send(message);
      if (where === 'send-fails') return { status: 'failed', reason: 'the target refuses it' };
      if (where !== 'send-unknown') return publisher.send(message);
      await publisher.send(message);
      return { status: 'unknown', reason: 'the answer was lost' };
    },
  };
}

/** The queue's members as functions that may be passed on alone, inherited ones included. */
function bound(queue: Queue): Queue {
  const { name, place, kind, capabilities } = queue;
  const { publisher, consume, peek, priceOfLook, get, purge, pause, resume, deadLetters, nativeMove } = queue;
  return {
    name,
    place,
    kind,
    capabilities,
    stats: (signal) => queue.stats(signal),
    describe: (signal) => queue.describe(signal),
    ...(publisher && { publisher: (options: PublisherOptions) => publisher.call(queue, options) }),
    ...(consume && { consume: (options: ConsumeOptions) => consume.call(queue, options) }),
    ...(peek && { peek: peek.bind(queue) }),
    ...(priceOfLook && { priceOfLook: priceOfLook.bind(queue) }),
    ...(get && { get: get.bind(queue) }),
    ...(purge && { purge: purge.bind(queue) }),
    ...(pause && { pause: pause.bind(queue) }),
    ...(resume && { resume: resume.bind(queue) }),
    ...(deadLetters && { deadLetters: deadLetters.bind(queue) }),
    ...(nativeMove && { nativeMove: nativeMove.bind(queue) }),
  };
}
