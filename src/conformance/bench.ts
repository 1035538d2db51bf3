import { randomUUID } from 'node:crypto';
import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';
import type { Capabilities } from '../contract/capabilities.ts';
import type { Message, OutgoingMessage } from '../contract/message.ts';
import type { ConsumeOptions, Consumer, PeekOptions, Publisher, PublisherOptions, Queue } from '../contract/queue.ts';
import { expect } from './expect.ts';
import type { Harness, MadeQueue } from './harness.ts';
import { outgoing } from './messages.ts';

/** How long a broker may take to show a change. */
const PATIENCE_MS = 10_000;

/** The workbench of one case: its connections, its queues, and the guarantee that none of them outlives it. */
export class Bench {
  readonly harness: Harness;
  readonly capabilities: Capabilities;
  /** Every notice to the operator. */
  readonly notices: string[] = [];
  readonly notice = (text: string): void => void this.notices.push(text);
  readonly #over = new AbortController();
  readonly #brokers: Broker[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #publishers: Publisher[] = [];
  readonly #made: MadeQueue[] = [];
  #connectionsBefore: number | null = null;
  #main: Promise<Broker> | null = null;

  constructor(harness: Harness, capabilities: Capabilities) {
    this.harness = harness;
    this.capabilities = capabilities;
  }

  /** Aborted when the case is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** What goes with each call of the case. */
  get call(): Call {
    return { notice: this.notice, signal: this.signal };
  }

  async start(): Promise<void> {
    this.#connectionsBefore = (await this.harness.openConnections?.()) ?? null;
  }

  /** Closes and removes everything, and rejects if a connection stays open. */
  async finish(): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    // Closing the consumers of a broken connection may fail; the connections below are what must not stay.
    await Promise.allSettled([...this.#consumers, ...this.#publishers].map((open) => open.close()));
    this.#over.abort();
    for (const broker of this.#brokers) await attempt(() => broker.close());
    for (const made of this.#made) await attempt(() => made.remove());
    const before = this.#connectionsBefore;
    if (before !== null) {
      await attempt(() =>
        eventually(
          async () => expect(await this.harness.openConnections?.(), 'open connections').toBe(before),
          this.harness.patienceMs,
        ),
      );
    }
    if (failures.length > 0) throw failures[0];
  }

  /** One more connection. */
  async connect(): Promise<Broker> {
    const broker = await this.harness.backend.open(this.harness.url, {
      connectTimeoutMs: 10_000,
      ...this.call,
    });
    this.#brokers.push(broker);
    return broker;
  }

  /** The connection of this case. */
  broker(): Promise<Broker> {
    this.#main ??= this.connect();
    return this.#main;
  }

  /** A name that no other case uses. */
  freshName(base = 'mq-conformance'): string {
    const name = `${base}-${randomUUID()}`;
    return this.harness.queueName?.(name) ?? name;
  }

  /** Makes sure that this queue, which the case itself creates, is removed. */
  willMake(name: string): void {
    this.#made.push({
      remove: async () => {
        const broker = await this.harness.backend.open(this.harness.url, {
          connectTimeoutMs: 10_000,
          notice: this.notice,
          signal: new AbortController().signal,
        });
        await broker.delete?.(name, new AbortController().signal).catch(() => {});
        await broker.close();
      },
    });
  }

  /** A new queue of the kind; null: the broker has no queues of that name. */
  async make(name: string, deadLetters = false): Promise<Queue | null> {
    const made = await this.harness.makeQueue(name, { deadLetters });
    if (made === null) return null;
    this.#made.push(made);
    return (await this.broker()).queue(name, this.signal);
  }

  /** A new empty queue. */
  async queue(options: { readonly deadLetters?: boolean } = {}): Promise<Queue> {
    const name = this.freshName();
    const queue = await this.make(name, options.deadLetters ?? false);
    if (queue === null) throw new Error(`the harness could not make ${name}`);
    return queue;
  }

  /** A message that every queue of the kind accepts. The body is JSON, because some kinds accept nothing else. */
  message(body: string | Uint8Array, fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
    const grouped = this.capabilities.order === 'fifo-per-group';
    return outgoing({
      body: typeof body === 'string' ? Buffer.from(body) : body,
      groupId: grouped ? 'one-group' : null,
      deduplicationId: grouped ? randomUUID() : null,
      ...fields,
    });
  }

  /**
   * Spreads messages over this many groups. The messages of one group may have to be sent one by one, which takes time.
   */
  spread(groups: number): (at: number) => Partial<OutgoingMessage> {
    const grouped = this.capabilities.order === 'fifo-per-group';
    return (at) => (grouped ? { groupId: `group-${at % groups}` } : {});
  }

  async publisher(queue: Queue, options: Partial<PublisherOptions> = {}): Promise<Publisher> {
    if (queue.publisher === undefined) throw new Error(`kind ${queue.kind} has no publisher`);
    const publisher = await queue.publisher({ expected: null, lossy: false, ...this.call, ...options });
    this.#publishers.push(publisher);
    return publisher;
  }

  /** Sends bodies, all of which must be stored. */
  async fill(
    queue: Queue,
    bodies: readonly string[],
    fields: Partial<OutgoingMessage> | ((at: number) => Partial<OutgoingMessage>) = {},
  ): Promise<(string | null)[]> {
    const publisher = await this.publisher(queue);
    const fieldsOf = typeof fields === 'function' ? fields : () => fields;
    const outcomes = await Promise.all(bodies.map((body, at) => publisher.send(this.message(body, fieldsOf(at)))));
    await publisher.close();
    return outcomes.map((outcome) => {
      expect(outcome).toMatchObject({ status: 'sent' });
      return outcome.status === 'sent' ? outcome.id : null;
    });
  }

  async consume(queue: Queue, options: Partial<ConsumeOptions> = {}): Promise<Consumer> {
    if (queue.consume === undefined) throw new Error(`kind ${queue.kind} has no consume`);
    const consumer = await queue.consume({
      state: 'ready',
      limit: null,
      window: 'unbounded',
      follow: false,
      idleMs: null,
      ...this.call,
      ...options,
    });
    this.#consumers.push(consumer);
    return consumer;
  }

  async peek(queue: Queue, options: Partial<PeekOptions> = {}): Promise<Message[]> {
    if (queue.peek === undefined) throw new Error(`kind ${queue.kind} has no peek`);
    const peek = await queue.peek({ state: 'ready', limit: null, force: false, ...this.call, ...options });
    const messages: Message[] = [];
    for await (const message of peek) messages.push(message);
    return messages;
  }

  /** All messages that are ready, or dead: read and left there. */
  async contents(queue: Queue, state: 'ready' | 'dead' = 'ready'): Promise<Message[]> {
    if (queue.consume === undefined) return this.peek(queue, { state });
    const consumer = await this.consume(queue, { state });
    const messages: Message[] = [];
    for await (const { message, receipt } of consumer) {
      receipt.hold?.();
      messages.push(message);
    }
    await consumer.close();
    return messages;
  }

  /** Takes all messages that are ready, or dead, for good. */
  async take(queue: Queue, options: Partial<ConsumeOptions> = {}): Promise<Message[]> {
    const consumer = await this.consume(queue, options);
    const messages: Message[] = [];
    for await (const { message, receipt } of consumer) {
      await receipt.ack();
      messages.push(message);
    }
    await consumer.close();
    return messages;
  }

  /** The same bodies: in this order if the kind keeps the order, else in any order. */
  expectBodies(actual: readonly Message[], expected: readonly string[]): void {
    const bodies = actual.map(text);
    if (this.capabilities.order === 'best-effort') expect(bodies.toSorted()).toEqual(expected.toSorted());
    else expect(bodies).toEqual(expected);
  }

  /** The figure of one state: at once if the kind calls its counts exact, in the end if it calls them approximate. */
  async expectCount(queue: Queue, state: 'ready' | 'inFlight' | 'delayed' | 'dead', expected: number): Promise<void> {
    const degree = this.capabilities.counts[state];
    const check = async (): Promise<void> => {
      const stats = await queue.stats(this.signal);
      if (degree === 'absent') expect(stats, `${state} does not apply`).not.toHaveProperty(state);
      else expect(stats[state], state).toBe(degree === 'unknown' ? null : expected);
    };
    await (degree === 'approximate' ? eventually(check, this.harness.patienceMs) : check());
  }
}

export const text = (message: Pick<Message, 'body'>): string => Buffer.from(message.body).toString();

/** Bodies that differ, as short JSON. */
export function bodies(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `{"n":${index + from}}`);
}

/** Repeats a check until it holds; rejects with its last failure. */
export async function eventually(check: () => Promise<void>, patienceMs = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * Whether it is still open after enough time to be settled. For an event that must not happen, so that there is nothing
 * to wait for.
 */
export async function staysOpen(promise: Promise<unknown>, momentMs = 300): Promise<boolean> {
  const moment = new Promise<'open'>((resolve) => setTimeout(() => resolve('open'), momentMs));
  return (await Promise.race([promise, moment])) === 'open';
}

/**
 * Whether a message is out of sight while a consumer of ours has it in hand. If draining is emulated, it stays in its
 * place until it is acknowledged.
 */
export function takesAway({ abilities }: Capabilities): boolean {
  return abilities.drain.supported && abilities.drain.degree === 'native';
}
