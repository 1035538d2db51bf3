import { requireCapability } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import type { Publisher, PublisherOptions, Queue } from '../contract/queue.ts';

/** Opens the queue's publisher, through the gate. */
export async function openPublisher(queue: Queue, options: PublisherOptions): Promise<Publisher> {
  requireCapability(queue.capabilities, 'enqueue', queue.name);
  if (queue.publisher === undefined)
    throw new MqError('INTERNAL', `kind ${queue.kind} declares enqueue but has no publisher`);
  return queue.publisher(options);
}

/** One publisher a queue name, opened when it is first needed, closed together. */
export class Publishers {
  readonly #open: (name: string) => Promise<Publisher>;
  readonly #publishers = new Map<string, Promise<Publisher>>();

  constructor(open: (name: string) => Promise<Publisher>) {
    this.#open = open;
  }

  get(name: string): Promise<Publisher> {
    let publisher = this.#publishers.get(name);
    if (publisher === undefined) {
      publisher = this.#open(name);
      this.#publishers.set(name, publisher);
    }
    return publisher;
  }

  get names(): readonly string[] {
    return [...this.#publishers.keys()];
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#publishers.values());
    await Promise.all(opened.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)));
  }
}
