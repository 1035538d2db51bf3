import { ask } from '../contract/ask.ts';
import { type OutgoingMessage, onlyElsewhere, type SendOutcome } from '../contract/message.ts';
import type { Publisher, PublisherOptions, Queue } from '../contract/queue.ts';
import { wrapPublisher } from '../contract/wrap.ts';

/**
 * Opens the queue's publisher, through the gate. A property that only another broker can hold (a type of SQS, a
 * property of AMQP) counts as a misfit, unless the publisher keeps it.
 */
export async function openPublisher(queue: Queue, options: PublisherOptions): Promise<Publisher> {
  const publisher = await ask(queue, 'enqueue').publisher(options);
  return publisher.keepsNative === true ? publisher : watchful(publisher, queue.capabilities.broker, options.lossy);
}

function watchful(publisher: Publisher, broker: string, lossy: boolean): Publisher {
  const misfits = (message: OutgoingMessage): readonly string[] => [
    ...publisher.misfits(message),
    ...onlyElsewhere(message, broker),
  ];
  const refusal = (message: OutgoingMessage): SendOutcome | null => {
    if (lossy || onlyElsewhere(message, broker).length === 0) return null;
    return { status: 'failed', reason: `does not fit: ${misfits(message).join('; ')}` };
  };
  const sendAll = publisher.sendAll?.bind(publisher);
  return wrapPublisher(publisher, {
    misfits,
    send(message) {
      const refused = refusal(message);
      return refused === null ? publisher.send(message) : Promise.resolve(refused);
    },
    ...(sendAll !== undefined && {
      async sendAll(messages) {
        const refusals = messages.map(refusal);
        if (refusals.every((refused) => refused === null)) return sendAll(messages);
        const outcomes = (await sendAll(messages.filter((_, index) => refusals[index] === null)))[Symbol.iterator]();
        return refusals.map((refused) => refused ?? outcomes.next().value ?? UNTOLD);
      },
    }),
  });
}

/** For an outcome that is missing in a publisher's answer. */
export const UNTOLD: SendOutcome = { status: 'unknown', reason: 'the publisher did not say what became of it' };

/** One publisher for each queue name. It is opened at its first use, and all are closed together. */
export class Publishers {
  readonly #open: (name: string) => Promise<Publisher>;
  readonly #publishers = new Map<string, Promise<Publisher>>();
  readonly #opened = new Set<string>();

  constructor(open: (name: string) => Promise<Publisher>) {
    this.#open = open;
  }

  get(name: string): Promise<Publisher> {
    let publisher = this.#publishers.get(name);
    if (publisher === undefined) {
      publisher = this.#open(name);
      this.#publishers.set(name, publisher);
      publisher.then(
        () => this.#opened.add(name),
        () => undefined,
      );
    }
    return publisher;
  }

  /** The publishers that could be opened. */
  get names(): readonly string[] {
    return [...this.#opened];
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#publishers.values());
    await Promise.all(opened.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)));
  }
}
