import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import type { Notice } from '../../../contract/call.ts';
import { isMqError } from '../../../contract/errors.ts';
import { pauseFor } from '../../common/waits.ts';
import type { SqsApi } from '../api/client.ts';
import { backOffMs } from '../api/patience.ts';
import { wasNotCarriedOut } from '../errors.ts';
import { count, type QueueAttributes } from '../queues/facts.ts';
import type { Reception } from '../url.ts';

export interface ReceiverPlace {
  readonly api: SqsApi;
  readonly name: string;
  readonly url: string;
  readonly reception: Pick<Reception, 'waitSeconds' | 'emptyPolls'>;
}

export interface ReceiverSettings {
  readonly follow: boolean;
  readonly idleMs: number | null;
  readonly leaseSeconds: number;
  readonly notice: Notice;
  /** No more messages are wanted: a pause ends, and nothing is tried again. A call in the air continues. */
  readonly over: AbortSignal;
}

/** The range that SQS takes as the wait of one receive. */
const LONGEST_POLL_SECONDS = 20;

/**
 * One receive after the other, in the way SQS wants to be asked. It knows nothing of what is done with the messages.
 */
export class Receiver {
  readonly #place: ReceiverPlace;
  readonly #settings: ReceiverSettings;
  #lost = 0;
  #toldPause = false;

  constructor(place: ReceiverPlace, settings: ReceiverSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  /** The largest number of messages that receives with lost answers may have taken. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Up to `most` messages. A receive that failed on the side of SQS, or on the way, is repeated with growing pauses
   * until the time limit is over. Every other failure rejects. The end of the work does not cut it off, because the
   * messages in an unread answer would stay hidden.
   */
  async receive(most: number): Promise<readonly SqsMessage[]> {
    const { leaseSeconds, over } = this.#settings;
    const startedAt = Date.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#place.api.receive(
          {
            QueueUrl: this.#place.url,
            MaxNumberOfMessages: most,
            VisibilityTimeout: leaseSeconds,
            WaitTimeSeconds: this.#pollSeconds(),
            MessageAttributeNames: ['All'],
            // The old spelling and the new one: some servers know only one of them.
            AttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
          },
          { queue: this.#place.name },
        );
        return answer.Messages ?? [];
      } catch (error) {
        if (!isMqError(error)) throw error;
        if (!wasNotCarriedOut(error)) this.#lost += most;
        const isTransient = error.code === 'THROTTLED' || error.code === 'UNAVAILABLE';
        if (!isTransient || !error.retryable || over.aborted) throw error;
        const pauseMs = backOffMs(attempt, 200);
        if (Date.now() - startedAt + pauseMs > this.#place.api.timeoutMs) throw error;
        if (attempt === 2 && !this.#toldPause)
          this.#settings.notice(`receiving from ${this.#place.name} fails for now (${error.message}): trying again`);
        this.#toldPause ||= attempt === 2;
        await this.pause(pauseMs);
        if (over.aborted) return [];
      }
    }
  }

  async pause(ms: number): Promise<void> {
    await pauseFor(ms, this.#settings.over);
  }

  /**
   * By SQS's own count; null: it cannot be read. Throws `TIMEOUT` for a silent server: then the polls prove nothing
   * either.
   */
  async readyNow(): Promise<number | null> {
    try {
      return count((await this.#counts()).ApproximateNumberOfMessages);
    } catch (error) {
      if (!this.#settings.over.aborted && isMqError(error) && error.code === 'TIMEOUT') throw error;
      return null;
    }
  }

  /** Null if the caller may not ask, or if there is no answer. */
  async inFlightNow(): Promise<number | null> {
    try {
      return count((await this.#counts()).ApproximateNumberOfMessagesNotVisible);
    } catch {
      return null;
    }
  }

  async #counts(): Promise<QueueAttributes> {
    const { api, url, name } = this.#place;
    return (await api.getQueueAttributes(url, { queue: name, signal: this.#settings.over })).Attributes ?? {};
  }

  /** A wait for more messages is longer, but its end is noticed as soon as the caller wants to be idle. */
  #pollSeconds(): number {
    const { follow, idleMs } = this.#settings;
    const { waitSeconds } = this.#place.reception;
    if (!follow) return waitSeconds;
    const longest = Math.min(waitSeconds * 2, idleMs === null ? LONGEST_POLL_SECONDS : Math.floor(idleMs / 1000));
    // A receiver that waits for more must pause between calls, whatever the URL says.
    return Math.max(1, Math.min(longest, LONGEST_POLL_SECONDS));
  }
}
