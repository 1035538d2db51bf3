import { setTimeout as delay } from 'node:timers/promises';
import type { Link, OpenChannel } from '../connection/link.ts';
import { type Renewing, renewLastDeliveries } from './last-deliveries.ts';
import { Segment, type SegmentEvents } from './segment.ts';

/** So many are taken for the sake of order; beyond, a look at ten messages would cost more than it is worth. */
const MOST = 100_000;
const FIRST_SEGMENT = 500;
const LARGEST_SEGMENT = 20_000;
const POLL_MS = 5;
/** Answers of a broker that cannot count, each after 250 ms, before the order is given up. */
const MOST_UNCOUNTED = 8;
const LONGEST_POLL_MS = 20;
interface QuorumQueue extends Renewing {
  /** See `limitOfLooks`. */
  readonly deliveryLimit: number | null;
}

/** A peek stands behind real consumers, and so does this. */
const PRIORITY = -100;

/**
 * A quorum queue delivers what was returned to it before all else, and puts what is returned behind everything that was
 * returned earlier (measured on 3.10.8 and 4.0.5: after a look at all, a look at the first thousand put them behind the
 * others). So who gives back a part of the returned messages must take the rest of them too, unseen, for all to go back
 * in order.
 *
 * Takes until a message comes that was never returned, or none is left. The segments are to be closed in this order,
 * after those that hold the messages before. Past a bound it gives up on the order and says so.
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
 * all that the queue was told before; then the channel sends the rest at once. It may be handed one message, so the
 * segment that is returned is to be closed behind the others. Null: not needed.
 */
export async function sendLateAcks(
  { link, queue, deliveryLimit }: QuorumQueue,
  segments: readonly Segment[],
  events: SegmentEvents,
): Promise<Segment | null> {
  const late = segments.filter(({ lateAcks }) => lateAcks >= FEW_ACKS);
  if (late.length === 0) return null;
  // Each has read its acks when it answers.
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
 * Resolves when everything that a quorum queue was told before is done, so that what was rejected is ready again, on
 * its way to a consumer, or dead. The queue's answer to a question may be older than that; a consumer is added behind
 * it. Ours stands behind all others, and has nothing to take as long as one of those has room.
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

/** Patience for the return of what one channel held. */
const RETURN_MS = 1_000;

/**
 * A quorum queue takes back what a channel held some time after the channel is closed: it learns of it from the end of
 * the channel's process. Two channels closed one right after the other came back in the wrong order (3.10.8 under load,
 * once in some fifty runs). So the next one waits until the messages of this one are ready. Where others consume them
 * meanwhile, that is never seen: then it is given up after a second.
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
        // Whoever holds messages is a consumer, also when it is cancelled: without any, the broker could not count (see
        // `liveFigures`).
        if (messageCount > 0 || consumerCount > 0) return new Returns(queue, channel, messageCount);
      }
      return null;
    } catch {
      return null;
    }
  }

  /** Resolves when so many more messages are back. */
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
      // The connection is lost, and with it the say in the order.
    }
    this.#expected = null;
  }
}
