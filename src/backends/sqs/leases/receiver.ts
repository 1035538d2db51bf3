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
  /** Nobody wants more: a pause ends, and nothing is tried again. A call in the air goes on. */
  readonly over: AbortSignal;
}

/** What SQS takes as the wait of one receive. */
const LONGEST_POLL_SECONDS = 20;

/** One receive after the other, as SQS wants to be asked. Knows nothing of what is done with the messages. */
export class Receiver {
  readonly #place: ReceiverPlace;
  readonly #settings: ReceiverSettings;
  #lost = 0;
  #toldPause = false;

  constructor(place: ReceiverPlace, settings: ReceiverSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  /** Messages, at most, that receives may have taken whose answers were lost. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Up to `most` messages. A receive that failed on the side of SQS, or on the way, is repeated with growing pauses
   * until the time-out is over; every other failure rejects. It is not cut off by the end of the work, because the
   * messages in an answer that nobody reads would stay hidden.
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
   * By SQS's own count; null where it cannot be read. Throws `TIMEOUT` for a server that is silent: then the polls say
   * nothing either.
   */
  async readyNow(): Promise<number | null> {
    try {
      return count((await this.#counts()).ApproximateNumberOfMessages);
    } catch (error) {
      if (!this.#settings.over.aborted && isMqError(error) && error.code === 'TIMEOUT') throw error;
      return null;
    }
  }

  /** Null where it may not be asked, or nobody answers. */
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

  /** A wait for more is longer, but its end is not noticed later than the caller wants to be idle. */
  #pollSeconds(): number {
    const { follow, idleMs } = this.#settings;
    const { waitSeconds } = this.#place.reception;
    if (!follow) return waitSeconds;
    const longest = Math.min(waitSeconds * 2, idleMs === null ? LONGEST_POLL_SECONDS : Math.floor(idleMs / 1000));
    // One that waits for more must not ask without pause, whatever the URL says.
    return Math.max(1, Math.min(longest, LONGEST_POLL_SECONDS));
  }
}
