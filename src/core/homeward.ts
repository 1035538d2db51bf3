import type { Broker } from '../contract/broker.ts';
import type { Notice } from '../contract/call.ts';
import { isMqError } from '../contract/errors.ts';
import type { JsonValue, Message, OutgoingMessage, SendOutcome } from '../contract/message.ts';
import type { Publisher, Queue } from '../contract/queue.ts';
import { type LocatedDeadLetters, whyNoOrigin } from './dead-letters.ts';
import { type LossySender, lossySender } from './misfits.ts';
import { toOutgoing } from './outgoing.ts';
import { openPublisher, Publishers } from './publishers.ts';
import { reasonOf } from './transfer.ts';

export interface HomewardRequest {
  readonly broker: Broker;
  /** Where all of them go; null: each goes back to the queue that lost it. */
  readonly to: Queue | null;
  readonly setHeaders: Readonly<Record<string, JsonValue>>;
  readonly keepDeathHeaders: boolean;
  /** Mark each as redriven once more. */
  readonly countReplay: boolean;
  readonly lossy: boolean;
  /** How many go to one queue; null: unknown. */
  readonly expected: number | null;
  readonly notice: Notice;
}

/**
 * The way of dead letters to the queues where they belong: a dry run asks whether each would arrive, a run sends it.
 * A queue's publisher is opened at its first message. `close` it at the end.
 */
export class Homeward {
  readonly #request: HomewardRequest;
  readonly #located: LocatedDeadLetters;
  readonly #publishers: Publishers;
  readonly #senders = new Map<string, LossySender>();

  constructor(request: HomewardRequest, located: LocatedDeadLetters) {
    this.#request = request;
    this.#located = located;
    this.#publishers = new Publishers((name) => this.#open(name));
  }

  /** Opens the only target, if there is only one: if it cannot take the messages, nothing has been touched. */
  async openOnly(targets: readonly string[]): Promise<void> {
    if (targets.length === 1 && targets[0] !== undefined) await this.#publishers.get(targets[0]);
  }

  /** Why `send` would fail the message; null: it would not. */
  async faultOf(message: Message): Promise<string | null> {
    const origin = await this.#originOf(message);
    if (origin === null) return await whyNoOrigin(this.#located, message);
    try {
      const publisher = await this.#publishers.get(origin);
      const misfits = publisher.misfits(this.#restored(message, origin));
      return misfits.length === 0 || this.#request.lossy ? null : `does not fit into ${origin}: ${misfits.join('; ')}`;
    } catch (error) {
      return this.#reasonOf(error);
    }
  }

  async send(message: Message): Promise<SendOutcome> {
    const origin = await this.#originOf(message);
    if (origin === null) return { status: 'failed', reason: await whyNoOrigin(this.#located, message) };
    try {
      const publisher = await this.#publishers.get(origin);
      return await this.#senderOf(origin, publisher).send(this.#restored(message, origin));
    } catch (error) {
      const isDenied = isMqError(error) && error.code === 'PERMISSION_DENIED';
      return { status: 'failed', reason: this.#reasonOf(error), ...(isDenied && { code: 'PERMISSION_DENIED' }) };
    }
  }

  /** Tells what was left out of messages. */
  tell(): void {
    for (const sender of this.#senders.values()) sender.tell();
  }

  /** The report, with the queues that only messages named: they have no link any more. */
  named<R extends { readonly to: readonly string[] }>(report: R): R {
    const others = this.#publishers.names.filter((name) => !report.to.includes(name));
    return others.length === 0 ? report : { ...report, to: [...report.to, ...others] };
  }

  async close(): Promise<void> {
    await this.#publishers.close();
  }

  #originOf(message: Message): string | null | Promise<string | null> {
    return this.#request.to?.name ?? this.#located.originOf(message);
  }

  /** A publisher outlives the signal: messages that are in the air when the operator interrupts are still settled. */
  async #open(name: string): Promise<Publisher> {
    const { broker, to, expected, lossy, notice } = this.#request;
    const { holder } = this.#located;
    const { signal } = new AbortController();
    const target = to ?? (name === holder.name ? holder : await broker.queue(name, signal));
    return await openPublisher(target, { expected, lossy, once: true, notice, signal });
  }

  #senderOf(name: string, publisher: Publisher): Pick<Publisher, 'send'> {
    const { lossy, notice } = this.#request;
    if (!lossy) return publisher;
    const sender = this.#senders.get(name) ?? lossySender(publisher, name, notice);
    this.#senders.set(name, sender);
    return sender;
  }

  /** As it was before it died, to be sent. Throws `PRECONDITION_FAILED` for one that cannot be restored. */
  #restored(message: Message, origin: string): OutgoingMessage {
    const { keepDeathHeaders, setHeaders, countReplay } = this.#request;
    const { links, holder } = this.#located;
    const restored = links.restore(message, { keepDeathHeaders, to: origin });
    return toOutgoing(restored, { setHeaders, countReplay, from: holder.place });
  }

  #reasonOf(error: unknown): string {
    const isGone = this.#request.to === null && isMqError(error) && error.code === 'QUEUE_NOT_FOUND';
    return isGone ? `${reasonOf(error)}; use --to QUEUE` : reasonOf(error);
  }
}
