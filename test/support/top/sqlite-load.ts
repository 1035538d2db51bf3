import { backend } from '../../../src/backends/sqlite/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';

const signal = new AbortController().signal;
const notice = () => {};

/** An embedded queue that tests fill, work and break on a connection of their own. */
export class SqliteLoad implements AsyncDisposable {
  readonly broker: Broker;

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  static async open(url: string): Promise<SqliteLoad> {
    return new SqliteLoad(await backend.open(url, { connectTimeoutMs: 5_000, notice, signal }));
  }

  async create(name: string): Promise<Queue> {
    const options = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal };
    await this.broker.create?.(name, options);
    return this.broker.queue(name, signal);
  }

  /** `attempts` 1: the first failure makes a message dead. */
  async send(queue: Queue, bodies: readonly string[], attempts: number | null = null): Promise<void> {
    const publisher = await queue.publisher?.({ expected: null, lossy: false, notice, signal });
    const outcomes = await Promise.all(
      bodies.map((body) => publisher?.send(outgoing({ body: Buffer.from(body), attempts }))),
    );
    await publisher?.close();
    for (const outcome of outcomes) if (outcome?.status !== 'sent') throw new Error(`not sent: ${outcome?.status}`);
  }

  /** Takes up to `count` messages; `error`: what each of them fails with, null: it succeeds. */
  async work(queue: Queue, count: number, error: (body: string) => string | null): Promise<void> {
    const consumer = await queue.consume?.({
      ...{ state: 'ready', limit: count, window: count, follow: false, idleMs: null, notice, signal },
    });
    if (consumer === undefined) throw new Error('nothing to consume with');
    for await (const { message, receipt } of consumer) {
      const failure = error(Buffer.from(message.body).toString());
      await (failure === null ? receipt.ack() : receipt.release({ failure }));
    }
    await consumer.close();
  }

  async pause(name: string): Promise<void> {
    await (await this.broker.queue(name, signal)).pause?.({ reason: null, signal });
  }

  async figures(
    name: string,
  ): Promise<{ readonly ready: number | null; readonly dead: number | null; readonly state: string }> {
    const queue = await this.broker.queue(name, signal);
    const { ready, dead, state } = await queue.stats(signal);
    return { ready, dead: dead ?? null, state };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
  }
}
