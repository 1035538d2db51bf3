import { isMqError, MqError } from '../../../contract/errors.ts';
import { pauseFor } from '../../common/waits.ts';
import { BATCH_ENTRIES, Batcher } from '../api/batcher.ts';
import type { SqsApi } from '../api/client.ts';
import { backOffMs } from '../api/patience.ts';

/** A message that we have received and not settled. It is hidden from other consumers until its lease ends. */
export interface Hold {
  readonly messageId: string;
  receiptHandle: string;
  /**
   * By our clock, in milliseconds since the epoch. It is earlier than SQS's own end, because it counts from before the
   * call.
   */
  leaseEndsAt: number;
}

/** Null: done. */
type Result = MqError | null;

interface Place {
  readonly api: SqsApi;
  readonly name: string;
  readonly url: string;
}

const PARALLEL_CALLS = 8;
/**
 * A call is repeated for entries that failed on SQS's side (`SenderFault: false`). Repeating a delete or a visibility
 * change does no harm.
 */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;

/**
 * Everything that a consumer holds. It extends the leases with one timer, deletes exactly what it is told to, and gives
 * the rest back.
 *
 * A killed process leaves its messages hidden for at most one lease.
 */
export class Holds {
  readonly #place: Place;
  readonly #leaseSeconds: number;
  readonly #held = new Map<string, Hold>();
  /** Their deletion failed, or its answer was lost. */
  readonly #doubtful = new Set<Hold>();
  readonly #deletes: Batcher<Hold, Result>;
  readonly #returns: Batcher<Hold, Result>;
  /** SQS has left a call unanswered: it is asked nothing more, and leases end by themselves. */
  #silence: MqError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #extending: Promise<void> = Promise.resolve();

  constructor(place: Place, leaseSeconds: number) {
    this.#place = place;
    this.#leaseSeconds = leaseSeconds;
    this.#deletes = new Batcher({ parallel: PARALLEL_CALLS, run: (batch) => this.#delete(batch) });
    this.#returns = new Batcher({ parallel: PARALLEL_CALLS, run: (batch) => this.#changeVisibility(batch, 0) });
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Takes note of a delivery; null if the message is held already (at-least-once delivery): its receipt is then
   * renewed.
   */
  add(messageId: string, receiptHandle: string, receivedFrom: number): Hold | null {
    const leaseEndsAt = receivedFrom + this.#leaseSeconds * 1000;
    const known = this.#held.get(messageId);
    if (known !== undefined) {
      known.receiptHandle = receiptHandle;
      known.leaseEndsAt = leaseEndsAt;
      return null;
    }
    const hold = { messageId, receiptHandle, leaseEndsAt };
    this.#held.set(messageId, hold);
    this.#timer ??= setInterval(() => this.#extend(), (this.#leaseSeconds * 1000) / 4);
    return hold;
  }

  /**
   * Deletes the message. Rejects if that is not certain. While its receipt is valid, the message then stays held, so
   * that it is given back at the end and not hidden until its lease is over.
   */
  async remove(hold: Hold): Promise<void> {
    const fault = await this.#deletes.add(hold);
    if (fault !== null && fault.code !== 'PRECONDITION_FAILED') {
      this.#doubtful.add(hold);
      throw fault;
    }
    this.#forget(hold);
    if (fault !== null) throw fault;
    // SQS may answer "deleted" to an old receipt although the message has been given to another consumer.
    if (Date.now() > hold.leaseEndsAt) throw this.#leaseEnded();
  }

  has(hold: Hold): boolean {
    return this.#held.has(hold.messageId);
  }

  /** Makes the message visible again at once. Rejects if that failed; it then becomes visible when its lease ends. */
  async giveBack(hold: Hold): Promise<void> {
    try {
      const fault = await this.#returns.add(hold);
      if (fault !== null) throw fault;
    } finally {
      this.#forget(hold);
    }
  }

  /**
   * Gives back everything that is still held, in the order of delivery. Resolves to the number of messages that could
   * not be given back.
   */
  async giveBackAll(): Promise<number> {
    this.#stop();
    await this.#extending;
    await Promise.all([this.#deletes.idle(), this.#returns.idle()]);
    const left = [...this.#held.values()];
    this.#held.clear();
    const results = await Promise.all(left.map((hold) => this.#returns.add(hold)));
    // A message whose deletion is uncertain may not be there to be given back.
    return results.filter((result, index) => {
      const hold = left[index];
      return result !== null && hold !== undefined && !this.#doubtful.has(hold);
    }).length;
  }

  #forget(hold: Hold): void {
    this.#held.delete(hold.messageId);
    if (this.#held.size === 0) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /**
   * Every quarter of a lease, it extends every lease with less than three quarters left. A lease that cannot be
   * extended is noticed when its message is settled.
   */
  #extend(): void {
    this.#extending = this.#extending.then(async () => {
      const due = Date.now() + this.#leaseSeconds * 750;
      const aging = [...this.#held.values()].filter(({ leaseEndsAt }) => leaseEndsAt < due);
      for (let start = 0; start < aging.length && this.#timer !== null; start += BATCH_ENTRIES) {
        const batch = aging.slice(start, start + BATCH_ENTRIES).filter(({ messageId }) => this.#held.has(messageId));
        if (batch.length === 0) continue;
        const from = Date.now();
        const results = await this.#changeVisibility(batch, this.#leaseSeconds);
        for (const [index, hold] of batch.entries()) {
          if (results[index] === null) hold.leaseEndsAt = from + this.#leaseSeconds * 1000;
        }
      }
    });
  }

  #delete(batch: readonly Hold[]): Promise<readonly Result[]> {
    return this.#settle(batch, 'DeleteMessage', (entries) =>
      this.#place.api.deleteBatch({ QueueUrl: this.#place.url, Entries: entries }, { queue: this.#place.name }),
    );
  }

  #changeVisibility(batch: readonly Hold[], seconds: number): Promise<readonly Result[]> {
    return this.#settle(batch, 'ChangeMessageVisibility', (entries) =>
      this.#place.api.changeVisibilityBatch(
        { QueueUrl: this.#place.url, Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout: seconds })) },
        { queue: this.#place.name },
      ),
    );
  }

  /** One call for a batch, answered entry by entry: only entries that `Successful` names are done. */
  async #settle(
    batch: readonly Hold[],
    operation: string,
    call: (entries: Entry[]) => Promise<Answer>,
  ): Promise<readonly Result[]> {
    const results: Result[] = batch.map(() => this.#fault(operation, 'SQS did not mention it in its answer'));
    let open = batch.map((_, index) => index);
    if (this.#silence !== null) return batch.map(() => this.#silence);
    for (let attempt = 1; attempt <= ATTEMPTS && open.length > 0; attempt += 1) {
      const entries = open.map((index) => ({ Id: String(index), ReceiptHandle: batch[index]?.receiptHandle ?? '' }));
      try {
        const answer = await call(entries);
        for (const { Id } of answer.Successful ?? []) results[Number(Id)] = null;
        for (const { Id, Code, Message } of answer.Failed ?? []) {
          results[Number(Id)] = this.#fault(operation, Message ?? Code ?? 'no reason given');
        }
        open = (answer.Failed ?? []).filter(({ SenderFault }) => SenderFault === false).map(({ Id }) => Number(Id));
        if (open.length > 0) await pauseFor(backOffMs(attempt, FIRST_PAUSE_MS), this.#place.api.interruption);
      } catch (error) {
        const fault = isMqError(error) ? error : this.#fault(operation, 'the call failed');
        if (fault.code === 'TIMEOUT') this.#silence = fault;
        for (const index of open) results[index] = fault;
        return results;
      }
    }
    return results;
  }

  #fault(operation: string, reason: string): MqError {
    return new MqError('UNEXPECTED_RESPONSE', `sqs:${operation} failed for the message: ${reason}`, {
      backend: 'sqs',
      operation,
      queue: this.#place.name,
    });
  }

  #leaseEnded(): MqError {
    return new MqError(
      'PRECONDITION_FAILED',
      'the hold on the message ended before it was removed: it may come again',
      {
        backend: 'sqs',
        operation: 'DeleteMessage',
        queue: this.#place.name,
      },
    );
  }
}

interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}

interface Answer {
  readonly Successful?: readonly { readonly Id: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id: string | undefined;
        readonly SenderFault: boolean | undefined;
        readonly Code: string | undefined;
        readonly Message?: string | undefined;
      }[]
    | undefined;
}
