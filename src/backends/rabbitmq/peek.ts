import type { Call } from '../../contract/call.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { Peek } from '../../contract/queue.ts';
import { orAborted } from '../common/waits.ts';
import type { Link } from './connection/link.ts';
import { RabbitConsumer } from './consumer.ts';
import { brokerError, isInExclusiveUse } from './errors.ts';
import { nearDeath } from './limits/look-price.ts';
import type { RabbitKind } from './management/queue-info.ts';
import { isLastDelivery, toMessage } from './message-in.ts';
import { renew } from './segments/last-deliveries.ts';
import { unlessOnItsWay } from './topology/dead-links.ts';
import { ackFrame, type Content, getFrame, METHOD } from './wire/frames.ts';
import { writeText } from './wire/properties.ts';

/**
 * A look at "all" holds everything at once, away from other consumers, so it ends here. An operator who wants more
 * gives a number.
 */
export const MAX_PEEKED = 10_000;
/** Looks up to this size are fetched completely and given back before the first message is shown. */
const MAX_COLLECTED_BYTES = 64 * 1024 * 1024;
/** From about 20 on, several `basic.get` on a quorum queue come back out of order; 5 were always in order. */
const MAX_GET_QUORUM = 5;

interface PeekSetup extends Call {
  readonly queue: string;
  readonly kind: RabbitKind;
  /** One sentence. */
  readonly price: string;
  /** How often a message may be given back; null: there is no limit, or an unknown one was overruled by force. */
  readonly deliveryLimit: number | null;
  /** The same if giving back by nack counts. */
  readonly limitOfLooks: number | null;
  /** A consumer that goes away would delete the queue, or that is unknown. */
  readonly maybeAutoDelete: boolean;
  readonly ready: number;
  /** See `DeadLinks.waysInto`. */
  readonly ways: ReadonlySet<string>;
  readonly limit: number | null;
  /** Who is logged in. */
  readonly login: string;
  /** Its own connection, closed afterwards. */
  link(): Promise<Link>;
}

/** Whether it may look at all was asked before: see `look-price.ts`. */
export async function openPeek(setup: PeekSetup): Promise<Peek> {
  throwIfAborted(setup.signal);
  const { ready, limit, notice } = setup;
  const wanted = Math.min(limit ?? MAX_PEEKED, Math.max(1, ready));
  if (limit === null && ready > MAX_PEEKED) {
    notice(
      `shown are the first ${MAX_PEEKED} of ${ready} messages, because a look holds them all at once; --limit N shows more`,
    );
  }
  return {
    price: setup.price,
    async *[Symbol.asyncIterator]() {
      if (limit === 0) return;
      for await (const message of look(setup, wanted)) {
        if (setup.signal.aborted) return;
        yield message;
      }
    },
  };
}

async function* look(setup: PeekSetup, wanted: number): AsyncGenerator<Message, void, undefined> {
  // A consumer that goes away would delete an auto-delete queue with all its messages.
  if (setup.maybeAutoDelete) {
    yield* await lookByGet(setup, wanted);
    return;
  }
  let consumer: RabbitConsumer;
  try {
    consumer = await openConsumer(setup, wanted);
  } catch (error) {
    if (!isInExclusiveUse(error)) throw error;
    yield* await lookByGet(setup, wanted);
    return;
  }
  yield* lookByConsuming(setup, consumer);
}

async function openConsumer(setup: PeekSetup, wanted: number): Promise<RabbitConsumer> {
  return await RabbitConsumer.open({
    link: await setup.link(),
    queue: setup.queue,
    kind: setup.kind,
    limit: wanted,
    window: 'unbounded',
    depth: setup.ready,
    follow: false,
    idleMs: null,
    priority: -100,
    looksOnly: true,
    counting: 'peeked',
    ways: setup.ways,
    deliveryLimit: setup.limitOfLooks,
    login: setup.login,
    notice: setup.notice,
    signal: setup.signal,
  });
}

/**
 * Messages are given back before they are shown, so that no consumer waits for the reader. If they are too large for
 * that, they are given back while they are shown.
 */
async function* lookByConsuming(setup: PeekSetup, consumer: RabbitConsumer): AsyncGenerator<Message, void, undefined> {
  let collected: Message[] | null = [];
  let bytes = 0;
  const counts: number[] = [];
  try {
    for await (const { message } of consumer) {
      if (message.receiveCount !== null) counts.push(message.receiveCount);
      bytes += message.body.length;
      if (collected !== null && bytes <= MAX_COLLECTED_BYTES) {
        collected.push(message);
        continue;
      }
      if (collected !== null) yield* collected;
      collected = null;
      yield message;
    }
  } finally {
    await consumer.close();
  }
  warnNearDeath(setup, counts);
  if (collected !== null) yield* collected;
}

/**
 * How often a message was delivered is known only once it is here. Then this look has had its price, and the operator
 * decides about the next one.
 */
function warnNearDeath({ deliveryLimit, notice }: PeekSetup, counts: readonly number[]): void {
  const warning = nearDeath(counts, deliveryLimit);
  if (warning !== null) notice(warning);
}

async function lookByGet(setup: PeekSetup, wanted: number): Promise<Message[]> {
  const { queue, kind, deliveryLimit, ways, login, signal, notice } = setup;
  const most = kind === 'quorum' ? Math.min(wanted, MAX_GET_QUORUM) : wanted;
  if (most < wanted) notice(`shown are at most ${most} messages: more would come back out of order`);
  const link = await setup.link();
  const last: Content[] = [];
  const channel = await link.channel();
  try {
    const found: Message[] = [];
    let arrived: (message: Message | null) => void = () => undefined;
    link.tap.watch(channel.number, {
      content: (content) => {
        // Unlike a nack, the loss of a channel counts in every version.
        if (isLastDelivery(content, deliveryLimit)) last.push(content);
        arrived(unlessOnItsWay(toMessage(content, queue, kind === 'quorum', 'peeked'), ways));
      },
      method: (method) => {
        if (method === METHOD.getEmpty) arrived(null);
      },
    });
    const frame = getFrame(channel.number, writeText(queue));
    let bytes = 0;
    while (found.length < most && bytes <= MAX_COLLECTED_BYTES) {
      const answer = new Promise<Message | null>((resolve, reject) => {
        arrived = resolve;
        channel.gone.addEventListener(
          'abort',
          () => reject(brokerError(channel.gone.reason, { operation: 'peek', queue })),
          { once: true },
        );
        link.tap.write(frame);
      });
      const message = await orAborted(link.answers.of(answer), signal);
      if (message === null) break;
      found.push(message);
      bytes += message.body.length;
    }
    warnNearDeath(
      setup,
      found.flatMap(({ receiveCount }) => receiveCount ?? []),
    );
    return found;
  } finally {
    const held = last.map((content) => ({
      content,
      done: () => link.tap.write(ackFrame(channel.number, content.tag, false)),
    }));
    await renew({ link, queue, login, notice }, held);
    // Closing the connection gives everything back to its place.
    await link.close();
  }
}
