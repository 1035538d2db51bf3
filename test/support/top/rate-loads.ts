import type { ConfirmChannel } from 'amqplib';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Queue as MqQueue } from '../../../src/contract/queue.ts';
import { RateLedger } from './rate-ledger.ts';
import type { SqliteLoad } from './sqlite-load.ts';

/**
 * So much is done in each tick of these loads: 40 in, 20 out and 10 failed a second, where the broker knows failures.
 */
const SENT = 8;
const WORKED = 4;
const FAILED = 2;
export const TICK_MS = 200;

/** What a load does in one tick, and the record of what it has really done. */
interface RateLoad {
  readonly ledger: RateLedger;
  tick(): Promise<void>;
}

/** `queue` is asked for at each tick, as it may be made anew. */
export function sqliteTicks(load: SqliteLoad, queue: () => MqQueue): RateLoad {
  const ledger = new RateLedger();
  return {
    ledger,
    async tick() {
      const bodies = Array.from({ length: SENT }, (_, index) => String(index));
      await ledger.during('inPerSec', SENT, () => load.send(queue(), bodies, 1));
      await ledger.during('outPerSec', WORKED, () => load.work(queue(), WORKED, () => null));
      await ledger.during('errorPerSec', FAILED, () => load.work(queue(), FAILED, () => 'broken'));
    },
  };
}

/** Jobs that remove themselves, and real workers. */
export class BullLoad implements RateLoad, AsyncDisposable {
  readonly ledger = new RateLedger();
  readonly queue: Queue;
  readonly #worker: Worker;

  constructor(redisUrl: string, name: string) {
    const connection = { host: '127.0.0.1', port: Number(new URL(redisUrl).port) };
    this.queue = new Queue(name, { connection });
    const begun = new Map<string | undefined, number>();
    const work = async ({ id, name }: { readonly id?: string | undefined; readonly name: string }): Promise<void> => {
      begun.set(id, Date.now());
      if (name === 'bad') throw new Error('no');
    };
    this.#worker = new Worker(name, work, { connection, concurrency: 2 });
    const settled = (figure: 'outPerSec' | 'errorPerSec', id: string | undefined): void => {
      this.ledger.note(figure, 1, begun.get(id) ?? Number.NaN);
      begun.delete(id);
    };
    this.#worker.on('completed', ({ id }) => settled('outPerSec', id));
    this.#worker.on('failed', (job) => settled('errorPerSec', job?.id));
    // A job that is gone when its queue is made anew: told by the library, and not a failure of the load.
    this.#worker.on('error', () => {});
  }

  async tick(): Promise<void> {
    const jobs = Array.from({ length: SENT }, (_, index) => ({
      name: index < FAILED ? 'bad' : 'good',
      data: {},
      opts: { removeOnComplete: true, removeOnFail: true },
    }));
    await this.ledger.during('inPerSec', SENT, () => this.queue.addBulk(jobs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close();
    await this.queue.close();
  }
}

/** A stream with one group, whose entries are deleted once they are read. */
export class StreamLoad implements RateLoad, Disposable {
  readonly ledger = new RateLedger();
  readonly client: Redis;
  readonly #key: string;

  constructor(redisUrl: string, key: string) {
    this.client = new Redis(redisUrl);
    this.#key = key;
  }

  /**
   * Redis is told how much the new group has read: else it does not know before the first read, and a view that looks
   * then can say no rate from there.
   */
  async create(): Promise<void> {
    await this.client.call('XGROUP', 'CREATE', this.#key, 'workers', '0', 'MKSTREAM', 'ENTRIESREAD', 0);
  }

  async tick(): Promise<void> {
    const { client, ledger } = this;
    const key = this.#key;
    for (let index = 0; index < SENT; index++)
      await ledger.during('inPerSec', 1, () => client.xadd(key, '*', 'n', '1'));
    await ledger.during('outPerSec', null, async () => {
      const taken = await client.xreadgroup('GROUP', 'workers', 'w1', 'COUNT', WORKED, 'STREAMS', key, '>');
      const ids = ((taken as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? []).map(([id]) => id);
      if (ids.length === 0) return 0;
      const acked = await client.xack(key, 'workers', ...ids);
      await client.xdel(key, ...ids);
      return acked;
    });
  }

  [Symbol.dispose](): void {
    this.client.disconnect();
  }
}

export function rabbitmqTicks(channel: ConfirmChannel, queue: string): RateLoad {
  const ledger = new RateLedger();
  return {
    ledger,
    async tick() {
      await ledger.during('inPerSec', SENT, async () => {
        for (let index = 0; index < SENT; index++) channel.sendToQueue(queue, Buffer.from('x'));
        await channel.waitForConfirms();
      });
      await ledger.during('outPerSec', null, async () => {
        const taken = await Promise.all(Array.from({ length: WORKED }, () => channel.get(queue)));
        const messages = taken.filter((message) => message !== false);
        for (const message of messages) channel.ack(message);
        return messages.length;
      });
    },
  };
}
