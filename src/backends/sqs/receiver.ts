import { setTimeout as wait } from 'node:timers/promises';
import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { MqError } from '../../contract/errors.ts';
import type { SqsApi } from './api.ts';
import { count } from './facts.ts';
import type { Reception } from './reception.ts';

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
  /** Nobody wants more: a pause ends, and nothing is tried again. A call in the air goes on. */
  readonly over: AbortSignal;
}

/** What SQS takes as the wait of one receive. */
const LONGEST_POLL_SECONDS = 20;
const THROTTLE_ATTEMPTS = 6;

/** One receive after the other, as SQS wants to be asked. Knows nothing of what is done with the messages. */
export class Receiver {
  readonly #place: ReceiverPlace;
  readonly #settings: ReceiverSettings;

  constructor(place: ReceiverPlace, settings: ReceiverSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  /**
   * Up to `most` messages. A throttled receive took nothing, so it is repeated; every other failure rejects. It is never cut off, because the messages in
   * an answer that nobody reads would stay hidden.
   */
  async receive(most: number): Promise<readonly SqsMessage[]> {
    const { leaseSeconds, over } = this.#settings;
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
        const again = error instanceof MqError && error.code === 'THROTTLED' && attempt < THROTTLE_ATTEMPTS;
        if (!again || over.aborted) throw error;
        await this.pause(100 * 2 ** attempt);
        if (over.aborted) return [];
      }
    }
  }

  async pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#settings.over }).catch(() => undefined);
  }

  /** By SQS's own count. Zero also where it may not be asked: who may only receive has no better answer than the polls. */
  async readyNow(): Promise<number> {
    try {
      const answer = await this.#place.api.getQueueAttributes(this.#place.url, { queue: this.#place.name });
      return count(answer.Attributes?.ApproximateNumberOfMessages) ?? 0;
    } catch {
      return 0;
    }
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
