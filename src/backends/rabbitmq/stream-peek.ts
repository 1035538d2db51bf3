import { throwIfAborted } from '../../contract/errors.ts';
import type { Peek, PeekOptions } from '../../contract/queue.ts';
import { brokerError } from './errors.ts';
import { readEntries, readProperties, toMessage } from './incoming.ts';
import { type Link, type OpenChannel, orAborted } from './link.ts';
import { ackFrame, type Content, METHOD } from './wire/frames.ts';

export interface StreamPeekSetup extends PeekOptions {
  readonly queue: string;
  /** A connection of its own: mistakes on a stream close the whole connection (540). */
  link(): Promise<Link>;
}

/** Credit in messages; a stream demands one. */
const PREFETCH = 500;

/** Reads from the first offset to the last one that was there at the start. Free: nothing is consumed, flagged or reordered. */
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
          // Offsets that were trimmed meanwhile are skipped by the broker.
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
 * Offset `last` starts at the last chunk; its end is found when two passive declarations in a row brought nothing new. Null: empty.
 */
async function lastOffset(link: Link, setup: StreamPeekSetup): Promise<number | null> {
  const { messageCount } = await orAborted(
    link.onChannel({ operation: 'peek', queue: setup.queue }, (channel) => channel.checkQueue(setup.queue)),
    setup.signal,
  );
  if (messageCount === 0) return null;
  const cursor = new StreamCursor(link, setup);
  try {
    await cursor.start('last');
    let last = await cursor.next();
    while (last !== null) {
      const following = await cursor.nextIfThere();
      if (following === null) break;
      last = following;
    }
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

/** One consumer of a stream, with credit given back as messages are taken. */
class StreamCursor {
  readonly #link: Link;
  readonly #setup: StreamPeekSetup;
  #channel: OpenChannel | null = null;
  #consumerTag = '';
  #buffer: Content[] = [];
  #head = 0;
  #wake: () => void = () => undefined;

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
        this.#wake();
      },
    });
    channel.gone.addEventListener('abort', () => this.#wake());
    this.#setup.signal.addEventListener('abort', this.#onAbort);
    try {
      await channel.amqp.prefetch(PREFETCH);
      const options = { noAck: false, arguments: { 'x-stream-offset': from } };
      this.#consumerTag = (await channel.amqp.consume(queue, () => undefined, options)).consumerTag;
    } catch (error) {
      throw brokerError(this.#link.lost.aborted ? this.#link.lost.reason : error, { operation: 'peek', queue });
    }
  }

  readonly #onAbort = (): void => this.#wake();

  /** Waits for the next message; null after an abort. Throws when the channel is lost. */
  async next(): Promise<AtOffset | null> {
    for (;;) {
      const found = this.#take();
      if (found !== null) return found;
      if (this.#setup.signal.aborted) return null;
      const gone = this.#channel?.gone;
      if (gone?.aborted === true) {
        throw brokerError(gone.reason ?? this.#link.lost.reason, { operation: 'peek', queue: this.#setup.queue });
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next message of those that the broker has sent by now; null when there is none. */
  async nextIfThere(): Promise<AtOffset | null> {
    const found = this.#take();
    if (found !== null) return found;
    // Two answers on the channel of the deliveries: the second is behind whatever the stream had sent before the first.
    for (let look = 0; look < 2; look++) await this.#channel?.amqp.checkQueue(this.#setup.queue);
    return this.#take();
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
  const value = readEntries(readProperties(content.properties)).find(({ name }) => name === 'x-stream-offset')?.value;
  return typeof value === 'number' ? value : Number.NaN;
}
