import { isMqError, MqError } from '../../contract/errors.ts';
import type { Delivery, Message, Receipt } from '../../contract/message.ts';
import type { ConsumeOptions, Consumer, DeliveryPage } from '../../contract/queue.ts';
import { Bell } from '../common/bell.ts';
import { SettleOnce } from '../common/settle-once.ts';
import { pauseFor } from '../common/waits.ts';
import type { Lease } from './browsing/lease.ts';
import { bytesOf, PAGE, PageSize } from './browsing/page-size.ts';
import { redisError } from './errors.ts';

/** A message that was read but is still in its queue, with what the source needs to find it again. */
export interface Held<T> {
  readonly message: Message;
  readonly item: T;
  /** The same as `Delivery.stays`. */
  readonly stays?: string;
}

interface Browsed<T> extends Delivery {
  readonly item: T;
  readonly once: SettleOnce;
}

/** Null: removed. Otherwise the reason why that is not certain. */
export type Removal = string | null;

/**
 * Reads forward through a queue without taking anything, and removes what was read. Both are only called one at a time,
 * so that a source may keep positions.
 */
export interface BrowseSource<T> {
  /** Rejects with `PERMISSION_DENIED` if the user may not remove anything. */
  mayRemove(): Promise<void>;
  /** The next items, up to a number, after those read before; empty: nothing more at present. */
  read(count: number, signal: AbortSignal): Promise<readonly Held<T>[]>;
  /** One result for each item, in their order. Throws if the answer was lost. */
  remove(items: readonly T[]): Promise<readonly Removal[]>;
}

const POLL_MS = 200;

/**
 * Consumes by looking: a message stays in its place until its receipt is acknowledged, and only then is it removed. So
 * nothing is lost if this process dies, and giving back costs nothing. The price is that other consumers also see the
 * messages while they are held. Then the removal finds nothing and the ack rejects, because the message may have been
 * processed twice.
 */
export function browse<T>(source: BrowseSource<T>, options: ConsumeOptions, queue: string, lease: Lease): Consumer {
  const turns = new Turns();
  const remover = new Remover(source, turns, queue);
  let unsettled = 0;
  const bell = new Bell();
  let closed = false;
  let isOver = false;
  /** Another mq is taking messages out: this is not the end of the queue. */
  let isElsewhere = false;
  const pendingAcks = new Set<Promise<void>>();

  function settled(): void {
    unsettled -= 1;
    bell.ring();
    if (isOver && unsettled === 0) void lease.giveBack();
  }

  function delivered({ message, item, stays }: Held<T>): Browsed<T> {
    unsettled += 1;
    const once = new SettleOnce();
    const receipt: Receipt = {
      ack(): Promise<void> {
        if (stays !== undefined && !once.isSettled)
          return Promise.reject(
            new MqError('PRECONDITION_FAILED', `a message of ${queue} was not removed: ${stays}`, {
              backend: 'redis',
              queue,
            }),
          );
        if (closed && !once.isSettled)
          return Promise.reject(
            new MqError('PRECONDITION_FAILED', 'the consumer is closed', { backend: 'redis', queue }),
          );
        return once.by(() => {
          const removal = remover.remove(item).finally(settled);
          pendingAcks.add(removal);
          removal.catch(() => {}).finally(() => pendingAcks.delete(removal));
          return removal;
        });
      },
      release(): Promise<void> {
        return once.by(async () => settled());
      },
    };
    return { message, receipt, ...(stays === undefined ? {} : { stays }), item, once };
  }

  /** One call for all of them. What stays is not removed, and neither is anything after the end. */
  async function ackAll(some: readonly Delivery[]): Promise<readonly (MqError | null)[]> {
    // Only what `pages` gave comes back.
    const all = some as readonly Browsed<T>[];
    const open = all.filter(({ once, stays }) => !once.isSettled && stays === undefined && !closed);
    const removal = remover.removeAll(open.map(({ item }) => item));
    const pending = removal.then(() => undefined).finally(() => pendingAcks.delete(pending));
    pendingAcks.add(pending);
    const faults = new Map<Delivery, Promise<MqError | null>>(
      open.map((delivery, index) => [delivery, removal.then((results) => results[index] ?? null)]),
    );
    for (const delivery of open) {
      const fault = faults.get(delivery);
      void delivery.once.by(async () => {
        await fault;
        settled();
      });
    }
    return await Promise.all(
      all.map((delivery) => faults.get(delivery) ?? delivery.receipt.ack().then(() => null, asMqError)),
    );
  }

  async function* begun<R>(browsing: AsyncGenerator<R>): AsyncGenerator<R> {
    try {
      if (options.givesBack !== 'all') await source.mayRemove();
      if (!(await lease.take(options.follow, options))) {
        isElsewhere = !options.signal.aborted;
        return;
      }
      yield* browsing;
    } finally {
      isOver = true;
      if (unsettled === 0) await lease.giveBack();
    }
  }

  async function* deliveries(): AsyncGenerator<Delivery> {
    for await (const page of read()) {
      for (const held of page) {
        if (options.signal.aborted || closed) return;
        yield delivered(held);
      }
    }
  }

  async function* pages(): AsyncGenerator<DeliveryPage> {
    for await (const page of read()) yield { deliveries: page.map(delivered), ackAll };
  }

  async function* read(): AsyncGenerator<readonly Held<T>[]> {
    const { limit, window, signal } = options;
    const bound = window === 'unbounded' ? Number.POSITIVE_INFINITY : Math.max(1, window);
    const size = new PageSize();
    let taken = 0;
    let lastSeen = Date.now();
    while (!signal.aborted && !closed && (limit === null || taken < limit)) {
      if (unsettled >= bound) {
        await bell.restFor(null, signal);
        continue;
      }
      const wanted = size.next(Math.min(bound - unsettled, limit === null ? PAGE : limit - taken));
      let page: readonly Held<T>[];
      try {
        page = await turns.take(() => source.read(wanted, signal));
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (page.length === 0) {
        if (!options.follow) return;
        if (options.idleMs !== null && Date.now() - lastSeen >= options.idleMs) return;
        await pauseFor(POLL_MS, signal);
        continue;
      }
      lastSeen = Date.now();
      taken += page.filter(({ stays }) => stays === undefined).length;
      size.learn(page.length, bytesOf(page.map(({ message }) => message)));
      if (signal.aborted || closed) return;
      yield page;
    }
  }

  return {
    [Symbol.asyncIterator]: () => begun(deliveries()),
    pages: () => begun(pages()),
    get unseen() {
      return isElsewhere ? 1 : 0;
    },
    async close(): Promise<void> {
      closed = true;
      bell.ring();
      await Promise.allSettled([...pendingAcks]);
      await lease.giveBack();
    },
  };
}

function asMqError(error: unknown): MqError {
  return isMqError(error) ? error : new MqError('INTERNAL', 'the removal failed', { backend: 'redis' });
}

/** Collects the acks of one moment into one call, and keeps calls in order. */
class Remover<T> {
  readonly #source: BrowseSource<T>;
  readonly #turns: Turns;
  readonly #queue: string;
  #waiting: { readonly item: T; readonly resolve: () => void; readonly reject: (error: MqError) => void }[] = [];
  #scheduled = false;

  constructor(source: BrowseSource<T>, turns: Turns, queue: string) {
    this.#source = source;
    this.#turns = turns;
    this.#queue = queue;
  }

  remove(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      void this.#turns.take(() => this.#flush());
    });
  }

  /** All of them by one call. Never rejects: one answer for each, null if it is removed. */
  removeAll(items: readonly T[]): Promise<readonly (MqError | null)[]> {
    return items.length === 0 ? Promise.resolve([]) : this.#turns.take(() => this.#removed(items));
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting.splice(0, PAGE);
    this.#scheduled = this.#waiting.length > 0;
    if (this.#scheduled) void this.#turns.take(() => this.#flush());
    const faults = await this.#removed(batch.map(({ item }) => item));
    for (const [index, { resolve, reject }] of batch.entries()) {
      const fault = faults[index] ?? null;
      if (fault === null) resolve();
      else reject(fault);
    }
  }

  async #removed(items: readonly T[]): Promise<readonly (MqError | null)[]> {
    try {
      const results = await this.#source.remove(items);
      return items.map((_, index) => {
        const reason = results[index];
        return reason === null ? null : this.#notRemoved(reason ?? 'the server did not say whether it was removed');
      });
    } catch (error) {
      const reason = redisError(error, { operation: 'remove messages', queue: this.#queue });
      return items.map(() => reason);
    }
  }

  #notRemoved(reason: string): MqError {
    return new MqError('PRECONDITION_FAILED', `a message of ${this.#queue} was not removed: ${reason}`, {
      backend: 'redis',
      operation: 'remove messages',
      queue: this.#queue,
    });
  }
}

/**
 * Does one thing at a time, in the requested order. A macrotask passes before each, so that calls that are made
 * together can be done together.
 */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
