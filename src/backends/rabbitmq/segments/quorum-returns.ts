import { setTimeout as delay } from 'node:timers/promises';
import type { Link, OpenChannel } from '../connection/link.ts';
import { type Renewing, renewLastDeliveries } from './last-deliveries.ts';
import { Segment, type SegmentEvents } from './segment.ts';

/**
 * At most this many are taken to keep the order: with more, a look at ten messages would cost more than it is worth.
 */
const MOST = 100_000;
const FIRST_SEGMENT = 500;
const LARGEST_SEGMENT = 20_000;
const POLL_MS = 5;
/** How many answers of a broker that cannot count, each after 250 ms, before the order is given up. */
const MOST_UNCOUNTED = 8;
const LONGEST_POLL_MS = 20;
interface QuorumQueue extends Renewing {
  /** See `limitOfLooks`. */
  readonly deliveryLimit: number | null;
}

/** A peek comes after real consumers, and so does this. */
const PRIORITY = -100;

/**
 * A quorum queue delivers returned messages before all others, and puts a returned message behind all that were
 * returned earlier (measured on 3.10.8 and 4.0.5: after a look at all, a look at the first thousand put them behind the
 * others). So a consumer that gives back a part of the returned messages must also take the rest of them, unseen, so
 * that all go back in order.
 *
 * It takes until a message comes that was never returned, or none is left. Close the segments in this order, after
 * those that hold the messages before. Above a bound it gives up on the order and says so.
 */
export async function takeOtherReturned({
  link,
  queue,
  deliveryLimit,
  notice,
}: QuorumQueue): Promise<readonly Segment[]> {
  const segments: Segment[] = [];
  let taken = 0;
  let uncounted = 0;
  for (let size = FIRST_SEGMENT; taken < MOST; size = Math.min(size * 2, LARGEST_SEGMENT)) {
    let reachedOthers = false;
    let gone = false;
    const segment = await Segment.open(
      link,
      { queue, isQuorum: true, prefetch: size, limit: null, deliveryLimit },
      {
        delivered: (_segment, content) => {
          if (!content.redelivered) reachedOthers = true;
        },
        cancelled: () => {
          gone = true;
        },
        gone: () => {
          gone = true;
        },
      },
    );
    segments.push(segment);
    await segment.start(PRIORITY);
    for (let zeros = 0, seen = 0; zeros < 2 && !segment.isFull && !reachedOthers && !gone; ) {
      const ready = await segment.ready();
      if (ready === null && ++uncounted > MOST_UNCOUNTED) break;
      zeros = ready === 0 && segment.delivered === seen ? zeros + 1 : 0;
      seen = segment.delivered;
      if (ready !== 0) await delay(POLL_MS);
    }
    const wasFull = segment.isFull;
    await segment.cancel();
    taken += segment.delivered;
    if (reachedOthers || gone || !wasFull) return segments;
  }
  notice(
    `${JSON.stringify(queue)} holds more than ${MOST} messages that were given back before: those held now go behind them`,
  );
  return segments;
}

/** Well below the 32 commands that a channel sends to a quorum queue before it waits. */
const FEW_ACKS = 8;

/**
 * A channel sends a quorum queue some 32 acks, keeps the others back until those are applied, and forgets them when it
 * is closed: the last 38 of 643 came back, about one time in ten (4.0.5). A consumer is added and removed only after
 * everything that the queue was told before; then the channel sends the rest at once. The consumer may get one message,
 * so the returned segment must be closed after the others. Null: not needed.
 */
export async function sendLateAcks(
  { link, queue, deliveryLimit }: QuorumQueue,
  segments: readonly Segment[],
  events: SegmentEvents,
): Promise<Segment | null> {
  const late = segments.filter(({ lateAcks }) => lateAcks >= FEW_ACKS);
  if (late.length === 0) return null;
  // When it answers, each has read its acks.
  for (const segment of late) await segment.ready();
  const barrier = await Segment.open(link, { queue, isQuorum: true, prefetch: 1, limit: null, deliveryLimit }, events);
  await barrier.start(PRIORITY);
  await barrier.cancel();
  for (const segment of late) {
    await segment.ready();
    await segment.ready();
  }
  return barrier;
}

/**
 * Resolves when everything that a quorum queue was told before is done, so that a rejected message is ready again, on
 * its way to a consumer, or dead. The queue's answer to a question may be older than that, but a consumer is added
 * after it. Ours comes after all others, and gets nothing as long as one of those has room.
 */
export async function returned(at: QuorumQueue): Promise<void> {
  const { link, queue, deliveryLimit } = at;
  const events = { delivered: () => undefined, cancelled: () => undefined, gone: () => undefined };
  const barrier = await Segment.open(link, { queue, isQuorum: true, prefetch: 1, limit: null, deliveryLimit }, events);
  await barrier.start(PRIORITY);
  await barrier.cancel();
  await renewLastDeliveries(at, [barrier]);
  await barrier.close();
}

/** How long to wait for the return of the messages of one channel. */
const RETURN_MS = 1_000;

/**
 * A quorum queue takes back the messages of a channel some time after the channel is closed, because it learns of it
 * from the end of the channel's process. Two channels that were closed one right after the other came back in the wrong
 * order (3.10.8 under load, once in some fifty runs). So the next one waits until the messages of this one are ready.
 * If others consume them meanwhile, that is never seen: then the wait ends after a second.
 */
export class Returns {
  readonly #queue: string;
  readonly #channel: OpenChannel;
  #expected: number | null;

  private constructor(queue: string, channel: OpenChannel, ready: number) {
    this.#queue = queue;
    this.#channel = channel;
    this.#expected = ready;
  }

  /** Null: the queue cannot be asked. Its channel is closed with the link. */
  static async watch(link: Link, queue: string): Promise<Returns | null> {
    try {
      const channel = await link.channel();
      for (let asked = 0; asked < MOST_UNCOUNTED; asked++) {
        const { messageCount, consumerCount } = await channel.amqp.checkQueue(queue);
        // A channel that holds messages is a consumer, even if it is cancelled. Without any consumer, the broker could
        // not count (see `liveFigures`).
        if (messageCount > 0 || consumerCount > 0) return new Returns(queue, channel, messageCount);
      }
      return null;
    } catch {
      return null;
    }
  }

  /** Resolves when this many more messages are back. */
  async of(count: number): Promise<void> {
    if (this.#expected === null || count === 0) return;
    const expected = this.#expected + count;
    const until = Date.now() + RETURN_MS;
    try {
      for (let waitMs = 1; Date.now() < until; waitMs = Math.min(waitMs * 2, LONGEST_POLL_MS)) {
        if ((await this.#channel.amqp.checkQueue(this.#queue)).messageCount >= expected) {
          this.#expected = expected;
          return;
        }
        await delay(waitMs);
      }
    } catch {
      // The connection is lost, and the order can no longer be decided here.
    }
    this.#expected = null;
  }
}
