import type { Call, Notice } from '../../../contract/call.ts';
import { type ErrorCode, isMqError } from '../../../contract/errors.ts';
import { pauseFor } from '../../common/waits.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';

/** A killed process holds the queue for at most this long. */
const LEASE_MS = 5_000;
const RENEW_MS = 1_500;
const POLL_MS = 100;

/** KEYS[1] lease. ARGV: token, milliseconds; 0 gives it back. A process touches only its own lease. Returns 1 or 0. */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** Why messages are taken without a lease, by the error that refused its key. */
const WITHOUT: Readonly<Partial<Record<ErrorCode, string>>> = {
  PERMISSION_DENIED: 'this user may not write',
  LIMIT_EXCEEDED: 'the server is out of memory and takes no',
};

/**
 * Two `mq` that take messages out of one queue by looking would see the same ones. So only one of them holds the queue
 * at a time, through a key with an expiry. Consumers of applications do not know it and are not hindered.
 */
export class Lease {
  readonly #connection: Connection;
  readonly #queue: string;
  readonly #key: string;
  readonly #token = crypto.randomUUID();
  #timer: NodeJS.Timeout | null = null;
  #isHeld = true;

  constructor(connection: Connection, queue: string, key: string) {
    this.#connection = connection;
    this.#queue = queue;
    this.#key = `mq:lease:${key}`;
  }

  /**
   * True if the queue is ours. Waits for another holder: for ever with `patient`, else as long as a dead one could
   * still hold it. False: the holder is alive, or the signal aborted.
   */
  async take(patient: boolean, { notice, signal }: Call): Promise<boolean> {
    const givesUpAt = Date.now() + LEASE_MS + POLL_MS;
    let isTold = false;
    for (;;) {
      if (signal.aborted) return false;
      if (await this.#tryTake(notice)) break;
      if (!patient && Date.now() > givesUpAt) {
        notice(`another mq is taking messages out of ${this.#queue}; nothing was taken here`);
        return false;
      }
      if (!isTold) notice(`another mq is taking messages out of ${this.#queue}: waiting for it`);
      isTold = true;
      await pauseFor(POLL_MS, signal);
    }
    if (!this.#isHeld) return true;
    this.#timer = setInterval(() => {
      this.#set(LEASE_MS).catch(() => {});
    }, RENEW_MS);
    this.#timer.unref();
    return true;
  }

  /** Idempotent. If the connection is gone, the lease runs out by itself. */
  async giveBack(): Promise<void> {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    await this.#set(0).catch(() => {});
  }

  async #tryTake(notice: Notice): Promise<boolean> {
    try {
      const reply = await this.#connection.call(['SET', this.#key, this.#token, 'NX', 'PX', LEASE_MS], {
        operation: 'take messages out',
        queue: this.#queue,
      });
      return reply === 'OK';
    } catch (error) {
      // Messages can still be taken, but without protection against a second mq. On a full server, taking them may be
      // what makes room.
      const why = isMqError(error) ? WITHOUT[error.code] : undefined;
      if (why === undefined) throw error;
      this.#isHeld = false;
      notice(`${why} ${this.#key}, so a second mq on ${this.#queue} would see the same messages`);
      return true;
    }
  }

  async #set(ms: number): Promise<boolean> {
    const place = { operation: 'keep the queue', queue: this.#queue };
    return asInteger(await this.#connection.script(RENEW, [this.#key], [this.#token, ms], place)) === 1;
  }
}
