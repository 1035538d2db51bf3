import type { SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { MqError } from '../../contract/errors.ts';
import type { OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import type { SqsApi } from './api.ts';
import { Batcher } from './batcher.ts';
import { wasNotCarriedOut } from './errors.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { type Target, type Written, writeMessage } from './outgoing.ts';

const PARALLEL_SENDS = 8;

interface Place {
  readonly api: SqsApi;
  readonly name: string;
  readonly url: string;
}

/**
 * Sends in batches of at most 10 messages and 1 MiB, each answered for by itself.
 *
 * FIFO: messages of one group are in one call at a time, in order; after one of them was not sent, the later ones of its group are answered
 * `failed` without being sent, because they would overtake it.
 */
export class SqsPublisher implements Publisher {
  readonly #place: Place;
  readonly #target: Target;
  readonly #lossy: boolean;
  readonly #batcher: Batcher<Written, SendOutcome>;
  readonly #brokenGroups = new Set<string>();

  constructor(place: Place, target: Target, options: Pick<PublisherOptions, 'lossy'>) {
    this.#place = place;
    this.#target = target;
    this.#lossy = options.lossy;
    this.#batcher = new Batcher<Written, SendOutcome>({
      parallel: PARALLEL_SENDS,
      joins: (batch, next) => batch.reduce((sum, { bytes }) => sum + bytes, next.bytes) <= MAX_MESSAGE_BYTES,
      ...(target.fifo ? { lane: ({ entry }: Written) => entry.MessageGroupId ?? null } : {}),
      run: (batch) => this.#send(batch),
    });
  }

  misfits(message: OutgoingMessage): readonly string[] {
    const { impossible, misfits } = writeMessage(message, this.#target);
    return [...impossible, ...misfits];
  }

  async send(message: OutgoingMessage): Promise<SendOutcome> {
    const written = writeMessage(message, this.#target);
    const faults = this.#lossy ? written.impossible : [...written.impossible, ...written.misfits];
    if (faults.length > 0) return { status: 'failed', reason: `${this.#place.name} cannot hold ${faults.join('; ')}` };
    return this.#batcher.add(written);
  }

  async close(): Promise<void> {
    await this.#batcher.idle();
  }

  async #send(batch: readonly Written[]): Promise<readonly SendOutcome[]> {
    const outcomes = new Map<number, SendOutcome>();
    const entries: SendMessageBatchRequestEntry[] = [];
    for (const [index, { entry }] of batch.entries()) {
      if (this.#target.fifo && this.#brokenGroups.has(entry.MessageGroupId ?? '')) {
        outcomes.set(index, { status: 'failed', reason: 'kept back: an earlier message of its group was not sent' });
      } else {
        entries.push({ ...entry, Id: String(index) });
      }
    }
    if (entries.length > 0) await this.#call(entries, outcomes);
    return batch.map(({ entry }, index) => {
      const outcome = outcomes.get(index) ?? {
        status: 'unknown',
        reason: 'SQS did not mention the message in its answer',
      };
      if (outcome.status !== 'sent' && entry.MessageGroupId !== undefined) this.#brokenGroups.add(entry.MessageGroupId);
      return outcome;
    });
  }

  /** Not bound to the caller's signal: what has been handed over cannot be taken back, and its outcome is still wanted. */
  async #call(entries: readonly SendMessageBatchRequestEntry[], outcomes: Map<number, SendOutcome>): Promise<void> {
    try {
      const answer = await this.#place.api.sendBatch(
        { QueueUrl: this.#place.url, Entries: [...entries] },
        { queue: this.#place.name, repeatable: this.#target.fifo },
      );
      for (const { Id, MessageId } of answer.Successful ?? []) {
        outcomes.set(Number(Id), { status: 'sent', id: MessageId ?? null });
      }
      for (const { Id, Code, Message } of answer.Failed ?? []) {
        outcomes.set(Number(Id), { status: 'failed', reason: Message ?? Code ?? 'SQS refused it without a reason' });
      }
    } catch (error) {
      const reason = error instanceof MqError ? error.message : 'sending failed';
      const status = wasNotCarriedOut(error) ? 'failed' : 'unknown';
      for (const { Id } of entries) outcomes.set(Number(Id), { status, reason });
    }
  }
}
