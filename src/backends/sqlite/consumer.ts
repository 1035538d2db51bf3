import { hostname } from 'node:os';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Delivery, Message } from '../../contract/message.ts';
import type { ConsumeOptions, Consumer, DeliveryPage } from '../../contract/queue.ts';
import { Bell } from '../common/bell.ts';
import { SettleOnce } from '../common/settle-once.ts';
import type { Connection } from './file/connection.ts';
import type { QueueFile } from './file/queue-file.ts';
import { STORED } from './file/schema.ts';
import { pageSql, START, smallPayloads, toMessage } from './message-in.ts';
import { requireQueue } from './publisher.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { giveBack, givenBack, type Holding, Settlements, type Verdict } from './rows/settlements.ts';
import { catchUp, lags, nextChangeAt } from './rows/time.ts';

/** One claim takes at most this many messages, and stops after this many bytes. */
const PAGE = 1_000;
const PAGE_BYTES = 16 * 1024 * 1024;
/** How often a waiting consumer checks whether the file has changed: half of the promised latency. */
const POLL_MS = 25;

interface Held extends Delivery {
  readonly holding: Holding;
  readonly once: SettleOnce;
}

type Claim =
  | { readonly status: 'claimed'; readonly deliveries: readonly Held[] }
  | { readonly status: 'empty' | 'paused' };

/**
 * A consumer is a row with a lease, and the messages that it holds point to it. So one small write extends the lease of
 * all of them. If the process dies, they become ready again together when the lease runs out.
 */
export class SqliteConsumer implements Consumer {
  readonly #file: QueueFile;
  readonly #queue: QueueFacts;
  readonly #options: ConsumeOptions;
  readonly #settlements: Settlements;
  /** The keys of messages that are claimed and not settled. */
  readonly #unsettled = new Set<number>();
  /** The ones among them that the caller will hold until the end. */
  readonly #kept = new Set<number>();
  readonly #forget: () => void;
  #id: number | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #broken: unknown = null;
  #remaining: number;
  #iterated = false;
  #lastDelivery = 0;
  #closing: Promise<void> | null = null;
  readonly #bell = new Bell();

  constructor(file: QueueFile, queue: QueueFacts, options: ConsumeOptions) {
    this.#file = file;
    this.#queue = queue;
    this.#options = options;
    this.#settlements = new Settlements(file, queue);
    this.#remaining = options.limit ?? Number.POSITIVE_INFINITY;
    // If a broker is closed under an open consumer, its messages are given back and not left to the lease.
    this.#forget = file.onClose(() => {
      this.#broken ??= new MqError('UNAVAILABLE', 'the connection was closed', {
        backend: 'sqlite',
        queue: queue.name,
      });
      return this.close();
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery, void, undefined> {
    for await (const deliveries of this.#claims()) {
      for (const delivery of deliveries) {
        if (this.#options.signal.aborted) return;
        if (this.#broken !== null) throw this.#broken;
        if (this.#closing !== null) return;
        this.#lastDelivery = Date.now();
        yield delivery;
      }
    }
  }

  async *pages(): AsyncGenerator<DeliveryPage, void, undefined> {
    for await (const deliveries of this.#claims()) {
      this.#lastDelivery = Date.now();
      yield { deliveries, ackAll: (some) => this.#ackAll(some) };
    }
  }

  async *#claims(): AsyncGenerator<readonly Held[], void, undefined> {
    if (this.#iterated) throw new MqError('INTERNAL', 'a consumer can be iterated once', { backend: 'sqlite' });
    this.#iterated = true;
    const { signal, follow, idleMs, window, notice } = this.#options;
    // A consumer that waits for messages is registered before it gets the first.
    if (follow && !signal.aborted && this.#closing === null)
      await this.#file.write((connection) => this.#enlist(connection));
    this.#lastDelivery = Date.now();
    let saidPaused = false;
    while (!signal.aborted) {
      if (this.#broken !== null) throw this.#broken;
      if (this.#closing !== null) return;
      if (this.#remaining <= 0) return;
      const room = window === 'unbounded' ? PAGE : window - this.#unsettled.size;
      if (room <= 0) {
        await this.#rest(null);
        continue;
      }
      const seen = this.#file.version();
      const claim = await this.#claim(Math.min(room, this.#remaining, PAGE));
      if (claim.status === 'claimed') {
        this.#remaining -= claim.deliveries.length;
        yield claim.deliveries;
        continue;
      }
      if (claim.status === 'paused' && !saidPaused) {
        saidPaused = true;
        notice(`${this.#queue.name} is paused: nothing is delivered until it is resumed`);
      }
      if (!follow) {
        if (!this.#isInHand()) return;
        await this.#rest(null);
        continue;
      }
      const idleUntil = idleMs === null ? Number.POSITIVE_INFINITY : this.#lastDelivery + idleMs;
      if (await this.#change(seen, claim.status === 'paused', idleUntil)) continue;
      if (!this.#isInHand()) return;
      this.#lastDelivery = Date.now();
      await this.#rest(POLL_MS);
    }
  }

  /** A message in hand may be given back and come again. Until then it is unknown whether the queue is empty. */
  #isInHand(): boolean {
    return this.#options.window !== 'unbounded' && this.#unsettled.size > this.#kept.size;
  }

  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  /** False if nothing has changed until `until`. */
  async #change(seen: string, paused: boolean, until: number): Promise<boolean> {
    // While a queue is paused, the passing of time changes nothing for this consumer.
    const dueAt = paused ? null : await this.#file.read((connection) => nextChangeAt(connection, this.#queue.id), null);
    while (!this.#options.signal.aborted && this.#closing === null) {
      const now = Date.now();
      if (this.#file.version() !== seen || (dueAt !== null && dueAt <= now) || this.#broken !== null) return true;
      if (now >= until) return false;
      await this.#rest(Math.min(POLL_MS, until - now));
    }
    return true;
  }

  /** Waits until the time is over, something is settled, the signal aborts, or the consumer is closed. */
  #rest(ms: number | null): Promise<void> {
    return this.#bell.restFor(ms, this.#options.signal);
  }

  async #claim(count: number): Promise<Claim> {
    const look = await this.#file.read<'lagging' | Claim['status']>((connection) => {
      if (this.#isPaused(connection)) return 'paused';
      if (lags(connection, this.#queue.id, Date.now())) return 'lagging';
      const found = connection.find(`SELECT 1 AS found FROM message WHERE queue = :queue AND state = :state LIMIT 1`, {
        queue: this.#queue.id,
        state: STORED[this.#options.state],
      });
      return found === null ? 'empty' : 'claimed';
    }, 'empty');
    // Looking first spares other processes our write lock while there is nothing to take.
    if (look === 'empty' || look === 'paused') return { status: look };
    return this.#file.write((connection) => {
      if (this.#options.signal.aborted || this.#closing !== null) return { status: 'empty' };
      if (this.#isPaused(connection)) return { status: 'paused' };
      const now = Date.now();
      catchUp(connection, this.#queue, now);
      const rows = connection.all(pageSql(this.#options.state, false), {
        queue: this.#queue.id,
        ...START,
        limit: count,
      });
      const payloads = smallPayloads(connection, rows);
      const deliveries: Held[] = [];
      const holder = rows.length > 0 ? this.#lease(connection, now) : 0;
      let bytes = 0;
      for (const row of rows) {
        const message = toMessage(connection, this.#queue, row, this.#options.state, payloads);
        deliveries.push(this.#held(message, { key: row.integer('key'), holder }));
        bytes += message.body.byteLength;
        if (bytes >= PAGE_BYTES) break;
      }
      if (deliveries.length === 0) return { status: 'empty' };
      const dead = this.#options.state === 'dead';
      connection.run(
        `UPDATE message SET state = ${dead ? STORED.deadInFlight : STORED.inFlight}, holder = :holder, wake = NULL,
           receives = receives + ${dead ? 0 : 1}
         WHERE key IN (SELECT key FROM message WHERE queue = :queue AND state = :state ORDER BY rank, position LIMIT :count)`,
        { holder, queue: this.#queue.id, state: STORED[this.#options.state], count: deliveries.length },
      );
      return { status: 'claimed', deliveries };
    });
  }

  #isPaused(connection: Connection): boolean {
    requireQueue(connection, this.#queue);
    if (this.#options.state === 'dead' || this.#options.evenPaused === true) return false;
    return (
      connection
        .one('SELECT paused_at FROM queue WHERE id = :id', { id: this.#queue.id })
        .integerOrNull('paused_at') !== null
    );
  }

  #enlist(connection: Connection): void {
    requireQueue(connection, this.#queue);
    if (this.#closing === null) this.#lease(connection, Date.now());
  }

  /**
   * Extends our lease, or begins a new one: the first time, and after ours ran out (then the messages that we held are
   * no longer ours).
   */
  #lease(connection: Connection, now: number): number {
    const until = now + this.#queue.leaseMs;
    if (this.#id !== null && extend(connection, this.#id, until)) return this.#id;
    const row = connection.one(
      `INSERT INTO consumer (queue, takes, pid, host, since, lease_until) VALUES (:queue, :takes, :pid, :host, :now, :until) RETURNING id`,
      { queue: this.#queue.id, takes: this.#options.state, pid: process.pid, host: hostname(), now, until },
    );
    this.#id = row.integer('id');
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#queue.leaseMs / 3);
    this.#heartbeat.unref();
    return this.#id;
  }

  #beat(): void {
    this.#file
      .write((connection) => this.#enlist(connection))
      .catch((error: unknown) => {
        this.#broken ??= error;
        this.#bell.ring();
      });
  }

  #held(message: Message, holding: Holding): Held {
    const { key, holder } = holding;
    this.#unsettled.add(key);
    const once = new SettleOnce();
    const settle = async (verdict: Verdict): Promise<void> => {
      if (this.#closing !== null) {
        // `close` gave it back: reporting the ack as done would be wrong.
        if (verdict.kind === 'ack') throw givenBack(this.#queue);
        return;
      }
      try {
        await this.#settlements.settle(key, holder, verdict);
      } finally {
        this.#forgetKeys([key]);
      }
    };
    return {
      message,
      holding,
      once,
      receipt: {
        ack: () => once.by(() => settle({ kind: 'ack' })),
        release: (options) => once.by(() => settle({ kind: 'release', failure: options?.failure ?? null })),
        hold: () => {
          if (once.isSettled) return;
          this.#kept.add(key);
          this.#bell.ring();
        },
      },
    };
  }

  async #ackAll(some: readonly Delivery[]): Promise<readonly (MqError | null)[]> {
    // Only what `pages` gave comes back.
    const all = some as readonly Held[];
    const open = all.filter(({ once }) => !once.isSettled);
    const asked = new Set(open);
    const holdings = open.map(({ holding }) => holding);
    if (this.#closing !== null) return all.map((held) => (asked.has(held) ? givenBack(this.#queue) : null));
    const removing = this.#settlements.ackAll(holdings);
    for (const { once } of open) once.by(() => removing.then(() => undefined)).catch(() => {});
    try {
      const removed = await removing;
      const isRemoved = new Set(holdings.filter((_, index) => removed[index] === true).map(({ key }) => key));
      return all.map((held) => (!asked.has(held) || isRemoved.has(held.holding.key) ? null : givenBack(this.#queue)));
    } catch (error) {
      const reason = isMqError(error) ? error : new MqError('INTERNAL', 'the removal failed', { backend: 'sqlite' });
      return all.map(() => reason);
    } finally {
      this.#forgetKeys(holdings.map(({ key }) => key));
    }
  }

  #forgetKeys(keys: readonly number[]): void {
    for (const key of keys) {
      this.#unsettled.delete(key);
      this.#kept.delete(key);
    }
    this.#bell.ring();
  }

  async #release(): Promise<void> {
    this.#forget();
    this.#bell.ring();
    await this.#settlements.idle();
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    const id = this.#id;
    this.#unsettled.clear();
    if (id === null) return;
    await this.#file.write((connection) => {
      giveBack(connection, 'queue = :queue AND holder = :id', { queue: this.#queue.id, id });
      connection.run('DELETE FROM consumer WHERE id = :id', { id });
    });
  }
}

/** False if the lease has run out and other consumers have noticed. */
function extend(connection: Connection, id: number, until: number): boolean {
  return connection.run('UPDATE consumer SET lease_until = :until WHERE id = :id', { id, until }) > 0;
}
