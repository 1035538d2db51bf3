import type { SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { isMqError } from '../../contract/errors.ts';
import type { OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import { Batcher } from './api/batcher.ts';
import type { SqsApi } from './api/client.ts';
import { mayComeLater, wasNotCarriedOut } from './errors.ts';
import { MAX_MESSAGE_BYTES } from './message-attributes/limits.ts';
import { type Target, type Written, writeMessage } from './message-out.ts';
import { GroupOrder, groupOf } from './sending/group-order.ts';
import { ProducersIds } from './sending/producers-ids.ts';

const PARALLEL_SENDS = 8;

interface Place {
  readonly api: SqsApi;
  readonly name: string;
  readonly url: string;
}

/**
 * Sends in batches of at most 10 messages and 1 MiB. Each message has its own answer.
 *
 * FIFO: only one message of a group is in the air, because a batch may fail in part and still store its later entries.
 * After a message that was not sent, the later ones of its group are answered `failed` without being sent, until it has
 * gone.
 */
export class SqsPublisher implements Publisher {
  readonly #place: Place;
  readonly #target: Target;
  readonly #options: Pick<PublisherOptions, 'lossy' | 'notice'>;
  readonly #batcher: Batcher<Written, SendOutcome>;
  readonly #order = new GroupOrder();
  readonly #ids = new ProducersIds();
  #calls = 0;
  /** SQS has left a send unanswered: messages that have not gone yet stay. */
  #isSilent = false;
  #toldOfIds = false;

  constructor(place: Place, target: Target, options: Pick<PublisherOptions, 'lossy' | 'notice'>) {
    this.#place = place;
    this.#target = target;
    this.#options = options;
    this.#batcher = new Batcher<Written, SendOutcome>({
      parallel: PARALLEL_SENDS,
      joins: (batch, next) => batch.reduce((sum, { bytes }) => sum + bytes, next.bytes) <= MAX_MESSAGE_BYTES,
      ...(target.fifo ? { lane: groupOf, laneIsSingle: true } : {}),
      run: (batch) => this.#send(batch),
    });
  }

  misfits(message: OutgoingMessage): readonly string[] {
    const { impossible, misfits } = writeMessage(message, this.#target);
    return [...impossible, ...misfits];
  }

  async send(message: OutgoingMessage): Promise<SendOutcome> {
    const written = writeMessage(message, this.#target);
    const faults = this.#options.lossy ? written.impossible : [...written.impossible, ...written.misfits];
    if (faults.length > 0) return { status: 'failed', reason: `${this.#place.name} cannot hold ${faults.join('; ')}` };
    if (written.isProducersId) this.#tellOfIds();
    return this.#batcher.add(written);
  }

  async close(): Promise<void> {
    await this.#batcher.idle();
  }

  async #send(batch: readonly Written[]): Promise<readonly SendOutcome[]> {
    const outcomes = new Map<number, SendOutcome>();
    const going: number[] = [];
    for (const [index, written] of batch.entries()) {
      const refusal = this.#isSilent ? UNSENT : this.#target.fifo ? this.#order.refusal(written) : null;
      if (refusal === null) going.push(index);
      else outcomes.set(index, refusal);
    }
    if (going.length > 0) await this.#call(batch, going, outcomes);
    return batch.map((_, index) => outcomes.get(index) ?? UNMENTIONED);
  }

  /**
   * Not bound to the caller's signal: messages that have been handed over cannot be taken back, and their outcome is
   * still wanted.
   */
  async #call(batch: readonly Written[], going: readonly number[], outcomes: Map<number, SendOutcome>): Promise<void> {
    const number = ++this.#calls;
    const entries = going.flatMap((index): SendMessageBatchRequestEntry[] => {
      const written = batch[index];
      return written === undefined ? [] : [{ ...written.entry, Id: String(index) }];
    });
    try {
      const answer = await this.#place.api.sendBatch(
        { QueueUrl: this.#place.url, Entries: entries },
        { queue: this.#place.name, repeatable: this.#target.fifo },
      );
      for (const { Id, MessageId } of answer.Successful ?? []) {
        const written = batch[Number(Id)];
        if (written !== undefined) outcomes.set(Number(Id), this.#ids.outcome(written, MessageId ?? null));
      }
      for (const { Id, Code, Message, SenderFault } of answer.Failed ?? []) {
        const reason = Message ?? Code ?? 'SQS refused it without a reason';
        // A fault on SQS's own side, such as throttling, may be over a little later.
        const again = SenderFault === false ? ({ again: true } as const) : {};
        outcomes.set(Number(Id), { status: 'failed', reason, ...again, batch: number });
      }
    } catch (error) {
      this.#isSilent ||= isMqError(error) && error.code === 'TIMEOUT';
      for (const index of going) outcomes.set(index, outcomeOf(error, number));
    }
    if (!this.#target.fifo) return;
    for (const index of going) {
      const written = batch[index];
      if (written !== undefined) this.#order.learn(written, outcomes.get(index) ?? UNMENTIONED);
    }
  }

  #tellOfIds(): void {
    if (this.#toldOfIds) return;
    this.#toldOfIds = true;
    this.#options.notice(
      `${this.#place.name} drops a message whose deduplication id came within the last 5 minutes; SQS does not tell, and calls it sent`,
    );
  }
}

const UNMENTIONED: SendOutcome = { status: 'unknown', reason: 'SQS did not mention the message in its answer' };
const UNSENT: SendOutcome = { status: 'failed', reason: 'not sent, because SQS does not answer' };

function outcomeOf(error: unknown, batch: number): SendOutcome {
  const reason = isMqError(error) ? error.message : 'sending failed';
  if (mayComeLater(error)) return { status: 'failed', reason, again: true, batch };
  if (!wasNotCarriedOut(error)) return { status: 'unknown', reason };
  const isDenied = isMqError(error) && error.code === 'PERMISSION_DENIED';
  return { status: 'failed', reason, batch, ...(isDenied && { code: 'PERMISSION_DENIED' }) };
}
