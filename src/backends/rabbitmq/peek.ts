import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { Notice, Peek } from '../../contract/queue.ts';
import { RabbitConsumer } from './consumer.ts';
import { brokerError } from './errors.ts';
import { isLastDelivery, toMessage } from './incoming.ts';
import { renew } from './last-deliveries.ts';
import { atLeast, type Link, orAborted, type Version } from './link.ts';
import {
  deliveryLimitOf,
  hasSingleActiveConsumer,
  limitOfLooks,
  limitSetting,
  type QueueInfo,
  type RabbitKind,
  textSetting,
} from './queue-info.ts';
import { ackFrame, type Content, getFrame, METHOD } from './wire/frames.ts';
import { writeText } from './wire/properties.ts';

/** A look at "all" holds everything at once, away from other consumers: there it ends. Who wants more says how many. */
const MAX_PEEKED = 10_000;
/** Looks up to this size are fetched whole and given back before the first message is shown. */
const MAX_COLLECTED_BYTES = 64 * 1024 * 1024;
/** Several `basic.get` on a quorum queue come back out of order from about 20 on; 5 were always in order. */
const MAX_GET_QUORUM = 5;

export interface PeekSetup {
  readonly queue: string;
  readonly kind: RabbitKind;
  /** Null: no management API. */
  readonly info: QueueInfo | null;
  readonly ready: number;
  readonly consumers: number;
  readonly limit: number | null;
  readonly force: boolean;
  readonly notice: Notice;
  readonly signal: AbortSignal;
  readonly version: Version;
  /** Who is logged in. */
  readonly login: string;
  /** A connection of its own, closed afterwards. */
  link(): Promise<Link>;
}

/** Throws `PRECONDITION_FAILED` when this look could lose a message or never end, and `force` is not set. */
export async function openPeek(setup: PeekSetup): Promise<Peek> {
  throwIfAborted(setup.signal);
  const { ready, limit, notice } = setup;
  refuseHarm(setup);
  const wanted = Math.min(limit ?? MAX_PEEKED, Math.max(1, ready));
  if (limit === null && ready > MAX_PEEKED) {
    notice(
      `shown are the first ${MAX_PEEKED} of ${ready} messages, because a look holds them all at once; --limit N shows more`,
    );
  }
  return {
    price: priceOf(setup),
    async *[Symbol.asyncIterator]() {
      if (limit === 0) return;
      for await (const message of look(setup, wanted)) {
        if (setup.signal.aborted) return;
        yield message;
      }
    },
  };
}

function priceOf({ info, kind, version }: PeekSetup): string {
  const held = 'consumers skip the messages for a moment, and see them marked as redelivered';
  if (kind !== 'quorum') return held;
  if (atLeast(version, 4, 3)) return held;
  const limit = deliveryLimitOf(info, kind, version);
  return limit === null
    ? `${held}; their delivery count rises by 1`
    : `${held}; it uses 1 of the ${limit + 1} deliveries of each`;
}

function refuseHarm({ queue, kind, info, version, ready, consumers, limit, force }: PeekSetup): void {
  if (info === null || force) return;
  const refuse = (reason: string, hint: string): never => {
    throw new MqError('PRECONDITION_FAILED', `peeking ${JSON.stringify(queue)} could do harm: ${reason}`, {
      hint,
      backend: 'rabbitmq',
      operation: 'peek',
      queue,
    });
  };
  if (hasSingleActiveConsumer(info)) {
    refuse(
      consumers > 0
        ? 'it has a single active consumer, so a look would wait until that one goes away'
        : 'it takes a single active consumer, and a look would become it',
      'stop the consumers and use --force, or look at its dead letters with --dead',
    );
  }
  const deliveryLimit = deliveryLimitOf(info, kind, version);
  if (deliveryLimit !== null && deliveryLimit <= 2) {
    refuse(
      `a message is dead after ${deliveryLimit === 0 ? 'one delivery' : `${deliveryLimit + 1} deliveries`} (its delivery limit is ${deliveryLimit}), and a look is one`,
      'mq peek --force looks all the same; or raise the delivery limit',
    );
  }
  const maxLength = limitSetting(info, 'max-length');
  const overflow = textSetting(info, 'overflow') ?? 'drop-head';
  const held = Math.min(limit ?? MAX_PEEKED, ready);
  if (maxLength !== null && overflow === 'drop-head' && ready + held >= maxLength) {
    refuse(
      `it holds at most ${maxLength} messages and drops the oldest: what is held while looking is dropped when others arrive`,
      'look at fewer with --limit, or use --force',
    );
  }
}

async function* look(setup: PeekSetup, wanted: number): AsyncGenerator<Message, void, undefined> {
  // A consumer that goes away would delete an auto-delete queue with all its messages.
  if (setup.info?.autoDelete === true) {
    yield* await lookByGet(setup, wanted);
    return;
  }
  let consumer: RabbitConsumer;
  try {
    consumer = await openConsumer(setup, wanted);
  } catch (error) {
    const exclusive =
      error instanceof MqError &&
      error.code === 'PRECONDITION_FAILED' &&
      / is held by an exclusive consumer$/.test(error.message);
    if (!exclusive) throw error;
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
    deliveryLimit: limitOfLooks(setup.info, setup.kind, setup.version),
    login: setup.login,
    notice: setup.notice,
    signal: setup.signal,
  });
}

/** Messages are given back before they are shown, so that nobody waits for the reader; when they are too large for that, while they are shown. */
async function* lookByConsuming(setup: PeekSetup, consumer: RabbitConsumer): AsyncGenerator<Message, void, undefined> {
  let collected: Message[] | null = [];
  let bytes = 0;
  try {
    for await (const { message } of consumer) {
      refuseLastDeliveries(setup, message);
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
  if (collected !== null) yield* collected;
}

/**
 * The count is known only once a message is here, and this look has cost it one delivery already. The next ones are better not made: what has no delivery
 * left loses its place in the queue (see `renewLastDeliveries`).
 */
function refuseLastDeliveries({ queue, info, kind, version, force }: PeekSetup, message: Message): void {
  const limit = deliveryLimitOf(info, kind, version);
  if (force || limit === null || message.receiveCount === null || message.receiveCount < limit - 2) return;
  throw new MqError(
    'PRECONDITION_FAILED',
    `peeking ${JSON.stringify(queue)} could do harm: a message has had ${Math.min(message.receiveCount, limit) + 1} of the ${limit + 1} deliveries after which it is dead, this look among them`,
    {
      hint: 'mq peek --force looks all the same; or raise the delivery limit',
      backend: 'rabbitmq',
      operation: 'peek',
      queue,
    },
  );
}

async function lookByGet(setup: PeekSetup, wanted: number): Promise<Message[]> {
  const { queue, kind, info, version, login, signal, notice } = setup;
  const most = kind === 'quorum' ? Math.min(wanted, MAX_GET_QUORUM) : wanted;
  if (most < wanted) notice(`shown are at most ${most} messages: more would come back out of order`);
  const link = await setup.link();
  const last: Content[] = [];
  const channel = await link.channel();
  try {
    const found: Message[] = [];
    // Unlike a nack, the loss of a channel counts in every version.
    const deliveryLimit = deliveryLimitOf(info, kind, version);
    let arrived: (message: Message | null) => void = () => undefined;
    link.tap.watch(channel.number, {
      content: (content) => {
        if (isLastDelivery(content, deliveryLimit)) last.push(content);
        arrived(toMessage(content, queue, kind === 'quorum', 'peeked'));
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
      const message = await orAborted(answer, signal);
      if (message === null) break;
      found.push(message);
      bytes += message.body.length;
      refuseLastDeliveries(setup, message);
    }
    return found;
  } finally {
    const held = last.map((content) => ({
      content,
      done: () => link.tap.write(ackFrame(channel.number, content.tag, false)),
    }));
    await renew({ link, queue, login, notice }, held);
    // Closing the connection gives everything back to where it was.
    await link.close();
  }
}
