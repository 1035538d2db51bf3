import type { Call, Notice } from '../../../contract/call.ts';
import { isMqError } from '../../../contract/errors.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { orAborted } from '../../common/waits.ts';
import { Link } from '../connection/link.ts';
import { Patience } from '../connection/patience.ts';
import { noSuchQueue, replyCode } from '../errors.ts';
import { type LiveFigures, liveFigures, locked } from '../figures/live.ts';
import { type Answer, isDots, isObject, type JsonObject, listOf, Management, textAt } from '../management/client.ts';
import { withPolicies } from '../management/policies.ts';
import { type QueueInfo, queueInfo, RATE_SAMPLES } from '../management/queue-info.ts';
import type { Address } from '../url.ts';

const ANSWER_MS = 30_000;
/** Questions about it are refused, because it is exclusive to another connection. */
const RESOURCE_LOCKED = 405;
/** The largest page that the management API gives. */
const LONGEST_PAGE = 500;

export interface SessionOptions extends Call {
  readonly connectTimeoutMs: number;
  /** The longest wait for one answer; absent: 30 s. */
  readonly timeoutMs?: number;
  /** See `OpenOptions`. */
  readonly isTimeoutAsked?: boolean;
}

export type Lookup =
  | { readonly status: 'found'; readonly info: QueueInfo }
  | { readonly status: 'missing' }
  | { readonly status: 'unavailable'; readonly reason: string };

/**
 * Shared by all handles of one broker: the management API, one AMQP connection for questions, and the way to open
 * others.
 */
export class Session {
  readonly address: Address;
  readonly management: Management;
  /** For all connections. */
  readonly patience: Patience;
  readonly #options: SessionOptions;
  #control: Promise<Link> | null = null;
  /** The same when it is open. */
  #openControl: Link | null = null;
  /** The callers that use it now. */
  #asking = 0;
  readonly #links = new Set<Link>();
  #closed = false;
  #hasGivenUp = false;

  constructor(address: Address, options: SessionOptions) {
    this.address = address;
    this.#options = options;
    const { connectTimeoutMs, timeoutMs, isTimeoutAsked, signal } = options;
    this.patience = new Patience(timeoutMs ?? ANSWER_MS, signal, isTimeoutAsked);
    this.management = new Management(
      address,
      { connectMs: connectTimeoutMs, answerMs: this.patience.answerMs },
      (asking) => this.ask(asking, async ({ cluster }) => cluster),
    );
  }

  get notice(): Notice {
    return this.#options.notice;
  }

  /** The path of the vhost, percent-encoded, for the management API. */
  get place(): string {
    return encodeURIComponent(this.address.vhost);
  }

  /**
   * Asks on the connection for declarations and other questions. It is opened at the first one, and again after it was
   * lost or given away.
   */
  async ask<T>(signal: AbortSignal, question: (link: Link) => Promise<T>): Promise<T> {
    this.#asking += 1;
    try {
      return await question(await orAborted(this.#controlled(), signal));
    } finally {
      this.#asking -= 1;
    }
  }

  #controlled(): Promise<Link> {
    if (this.#control !== null) return this.#control;
    const opening = this.#open(this.#options.signal);
    this.#control = opening;
    const forget = (): void => {
      if (this.#control !== opening) return;
      this.#control = null;
      this.#openControl = null;
    };
    // Once it is lost, the next question opens another one.
    opening.then((link) => {
      link.lost.addEventListener('abort', forget);
      if (this.#control === opening) this.#openControl = link;
    }, forget);
    return opening;
  }

  /**
   * A connection of its own, which the caller closes. It is the one on which questions were asked, if there are none
   * now: opening one takes five round trips, and a later question opens another.
   */
  async link(signal: AbortSignal): Promise<Link> {
    const link = this.#openControl;
    if (link === null || this.#asking > 0 || link.answers.areOwed || link.lost.aborted) return this.#open(signal);
    this.#control = null;
    this.#openControl = null;
    return link;
  }

  /** A connection that was opened for the caller. */
  async ownLink(signal: AbortSignal): Promise<Link> {
    return this.#open(signal);
  }

  async #open(signal: AbortSignal): Promise<Link> {
    const { connectTimeoutMs } = this.#options;
    const link = await Link.open(this.address, { connectTimeoutMs, patience: this.patience, signal });
    if (this.#closed) await link.close();
    this.#links.add(link);
    link.lost.addEventListener('abort', () => this.#links.delete(link));
    return link;
  }

  async lookUp(name: string, signal: AbortSignal): Promise<Lookup> {
    const answer = await (isDots(name) ? this.#lookUpDots(name, signal) : this.#lookUp(name, signal));
    if (answer.status === 'missing') return { status: 'missing' };
    if (answer.status === 'unavailable') return answer;
    const info = isObject(answer.body) ? queueInfo(await this.#withPolicy(answer.body, name, signal)) : null;
    return info === null ? { status: 'unavailable', reason: this.management.isAnother } : { status: 'found', info };
  }

  #lookUp(name: string, signal: AbortSignal): Promise<Answer> {
    return this.management.getIfQuick(`/queues/${this.place}/${encodeURIComponent(name)}?${RATE_SAMPLES}`, signal);
  }

  /** Found in the list, because no path leads to it. */
  async #lookUpDots(name: string, signal: AbortSignal): Promise<Answer> {
    const search = `page=1&page_size=1&use_regex=true&name=${encodeURIComponent(`^${name.replaceAll('.', '\\.')}$`)}`;
    const answer = await this.management.getIfQuick(`/queues/${this.place}?${search}&${RATE_SAMPLES}`, signal);
    if (answer.status !== 'ok' || !isObject(answer.body)) return answer;
    const [found] = listOf(answer.body.items);
    return found === undefined ? { status: 'missing' } : { status: 'ok', body: found as JsonValue };
  }

  /** Without figures, a queue comes without its policy: a list then knows at least whose it is. */
  async #withPolicy(queue: JsonObject, name: string, signal: AbortSignal): Promise<JsonObject> {
    if (queue.effective_policy_definition !== undefined) return queue;
    const search = `page=1&page_size=${LONGEST_PAGE}&use_regex=false&name=${encodeURIComponent(name)}`;
    const path = `/queues/${this.place}?${search}&columns=name,policy&disable_stats=true`;
    const found = await this.management.getIfTold(path, signal);
    const page = found.status === 'ok' && isObject(found.body) ? listOf(found.body.items) : [];
    const listed = page.find((one) => textAt(one, 'name') === name);
    if (listed === undefined) return queue;
    const [told] = await withPolicies(this.management, this.place, 'queues', [{ ...queue, ...listed }], signal);
    return told ?? queue;
  }

  /** Live figures by passive declaration. Throws `QUEUE_NOT_FOUND`. */
  async declared(name: string, signal: AbortSignal): Promise<LiveFigures> {
    const where = { operation: 'stats', queue: name };
    try {
      return await this.ask(signal, (link) =>
        orAborted(
          link.onChannel(where, (channel) => liveFigures(channel, name)),
          signal,
        ),
      );
    } catch (error) {
      if (isMqError(error) && replyCode(error.cause) === RESOURCE_LOCKED) return locked(error);
      throw (await this.#isMissing(error, name, signal)) ? noSuchQueue(name) : error;
    }
  }

  /**
   * RabbitMQ 4.0 (seen on 4.0.5) wants to say "no queue NAME", and crashes with the connection if a name beyond ASCII
   * makes that longer than 255 bytes. The management API then knows whether that was the reason.
   */
  async #isMissing(error: unknown, name: string, signal: AbortSignal): Promise<boolean> {
    if (!isMqError(error) || error.code !== 'UNEXPECTED_RESPONSE') return false;
    return (await this.lookUp(name, signal)).status === 'missing';
  }

  /** A question that was given up got no answer: the end of its connection waits for it only shortly. */
  giveUp(): void {
    this.#hasGivenUp = true;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#hasGivenUp) this.patience.hurry(0);
    await Promise.all([...this.#links].map((link) => link.close()));
  }
}
