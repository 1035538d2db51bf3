import { throwIfAborted } from '../../contract/errors.ts';
import type { Peek, PeekOptions } from '../../contract/queue.ts';
import { Bell } from '../common/bell.ts';
import type { Link, OpenChannel } from './connection/link.ts';
import { brokerError } from './errors.ts';
import { toMessage } from './message-in.ts';
import { readingOf } from './reading.ts';
import { ackFrame, type Content, METHOD } from './wire/frames.ts';

export interface StreamPeekSetup extends PeekOptions {
  readonly queue: string;
  /** A connection of its own: mistakes on a stream close the whole connection (540). */
  link(): Promise<Link>;
}

/** A stream with messages sends them at once. */
const FIRST_ANSWER_MS = 500;
/** A chunk arrives in one piece. */
const QUIET_MS = 100;
/** Credit in messages; a stream demands it. */
const PREFETCH = 500;

/**
 * Reads from the first offset to the last one that was there at the start. It is free: nothing is consumed, flagged or
 * reordered.
 */
export async function openStreamPeek(setup: StreamPeekSetup): Promise<Peek> {
  throwIfAborted(setup.signal);
  return {
    price: null,
    async *[Symbol.asyncIterator]() {
      if (setup.limit === 0) return;
      const link = await setup.link();
      try {
        const last = await lastOffset(link, setup);
        if (last === null) return;
        let left = setup.limit ?? Number.POSITIVE_INFINITY;
        for await (const { content, offset } of read(link, setup, 'first')) {
          // The broker skips offsets that were trimmed meanwhile.
          if (offset > last) return;
          yield toMessage(content, setup.queue, false, 'peeked');
          left--;
          if (left <= 0 || offset === last || setup.signal.aborted) return;
        }
      } finally {
        await link.close();
      }
    },
  };
}

interface AtOffset {
  readonly content: Content;
  readonly offset: number;
}

/**
 * Offset `last` starts at the last chunk. The broker does not mark the end of a stream, and the count of a passive
 * declaration lags. So the end is where nothing more came for a while. Null: the stream is empty.
 */
async function lastOffset(link: Link, setup: StreamPeekSetup): Promise<number | null> {
  const cursor = new StreamCursor(link, setup);
  try {
    await cursor.start('last');
    let last = await cursor.nextWithin(FIRST_ANSWER_MS);
    // Silence alone proves nothing: the broker is there, and if it counts any message, one has to come.
    if (last === null && (await cursor.count()) > 0) last = await cursor.next();
    for (let next = last; next !== null; next = await cursor.nextWithin(QUIET_MS)) last = next;
    await cursor.count();
    return last?.offset ?? null;
  } finally {
    await cursor.close();
  }
}

async function* read(
  link: Link,
  setup: StreamPeekSetup,
  from: 'first' | 'last',
): AsyncGenerator<AtOffset, void, undefined> {
  const cursor = new StreamCursor(link, setup);
  try {
    await cursor.start(from);
    for (;;) {
      const found = await cursor.next();
      if (found === null) return;
      yield found;
    }
  } finally {
    await cursor.close();
  }
}

/** One consumer of a stream. Credit is given back as messages are taken. */
class StreamCursor {
  readonly #link: Link;
  readonly #setup: StreamPeekSetup;
  #channel: OpenChannel | null = null;
  #consumerTag = '';
  #buffer: Content[] = [];
  #head = 0;
  readonly #bell = new Bell();

  constructor(link: Link, setup: StreamPeekSetup) {
    this.#link = link;
    this.#setup = setup;
  }

  async start(from: 'first' | 'last'): Promise<void> {
    const { queue } = this.#setup;
    const channel = await this.#link.channel();
    this.#channel = channel;
    this.#link.tap.watch(channel.number, {
      content: (content) => {
        if (content.method !== METHOD.deliver) return;
        this.#buffer.push(content);
        this.#bell.ring();
      },
    });
    channel.gone.addEventListener('abort', () => this.#bell.ring());
    this.#setup.signal.addEventListener('abort', this.#onAbort);
    try {
      await channel.amqp.prefetch(PREFETCH);
      const options = { noAck: false, arguments: { 'x-stream-offset': from } };
      this.#consumerTag = (await channel.amqp.consume(queue, () => undefined, options)).consumerTag;
    } catch (error) {
      throw brokerError(this.#link.lost.aborted ? this.#link.lost.reason : error, { operation: 'peek', queue });
    }
  }

  readonly #onAbort = (): void => this.#bell.ring();

  /** Waits for the next message; null after an abort. Throws if the channel is lost. */
  async next(patience: AbortSignal = this.#setup.signal): Promise<AtOffset | null> {
    for (;;) {
      const found = this.#take();
      if (found !== null) return found;
      if (this.#setup.signal.aborted || patience.aborted) return null;
      const gone = this.#channel?.gone;
      if (gone?.aborted === true) {
        throw brokerError(gone.reason ?? this.#link.lost.reason, { operation: 'peek', queue: this.#setup.queue });
      }
      const owed = patience === this.#setup.signal ? this.#link.answers.expect() : null;
      await this.#bell.rest();
      owed?.done();
    }
  }

  /** The messages of the stream as a declaration counts them: often fewer than there are. */
  async count(): Promise<number> {
    const { queue } = this.#setup;
    try {
      return (await this.#channel?.amqp.checkQueue(queue))?.messageCount ?? 0;
    } catch (error) {
      throw brokerError(this.#link.lost.aborted ? this.#link.lost.reason : error, { operation: 'peek', queue });
    }
  }

  /** The next message if it comes within `ms`, else null. */
  async nextWithin(ms: number): Promise<AtOffset | null> {
    const patience = AbortSignal.timeout(ms);
    patience.addEventListener('abort', this.#onAbort);
    try {
      return await this.next(patience);
    } finally {
      patience.removeEventListener('abort', this.#onAbort);
    }
  }

  #take(): AtOffset | null {
    const content = this.#buffer[this.#head];
    const channel = this.#channel;
    if (content === undefined || channel === null) return null;
    this.#head++;
    if (this.#head === this.#buffer.length) {
      this.#buffer = [];
      this.#head = 0;
    }
    if (content.tag % (PREFETCH / 2) === 0) this.#link.tap.write(ackFrame(channel.number, content.tag, true));
    return { content, offset: offsetOf(content) };
  }

  async close(): Promise<void> {
    const channel = this.#channel;
    this.#setup.signal.removeEventListener('abort', this.#onAbort);
    if (channel === null) return;
    if (!channel.gone.aborted) await channel.amqp.cancel(this.#consumerTag).catch(() => undefined);
    await channel.close();
    this.#link.tap.unwatch(channel.number);
  }
}

/** Every message of a stream carries its offset. */
function offsetOf(content: Content): number {
  const value = readingOf(content.properties).entries.find(({ name }) => name === 'x-stream-offset')?.value;
  return typeof value === 'number' ? value : Number.NaN;
}
