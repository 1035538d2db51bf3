import { ask } from '../../contract/ask.ts';
import type { Broker } from '../../contract/broker.ts';
import type { OutgoingMessage } from '../../contract/message.ts';
import type { Queue } from '../../contract/queue.ts';
import { pacer, systemClock } from '../../core/rate-limit.ts';

/** How long the tax service is down. After that the consumer stops failing, and a redrive has something to do. */
const REPAIRED_AFTER_MS = 45_000;
const COUNTRIES = ['DE', 'FR', 'NO', 'IT'];

interface Order {
  readonly order: number;
  readonly country: string;
  readonly card: string;
}

/**
 * Producers and consumers of the demo: orders that fail for two reasons, one of which is repaired after a while; mails
 * without a consumer; and a night report whose backlog shrinks. Ends when the signal aborts; rejects if the queue
 * fails.
 */
export async function runBackground(broker: Broker, signal: AbortSignal): Promise<void> {
  const orders = await makeQueue(broker, 'orders', 2, signal);
  const mails = await makeQueue(broker, 'mails', null, signal);
  const reports = await makeQueue(broker, 'night-report', null, signal);
  const repairedAt = systemClock.now() + REPAIRED_AFTER_MS;
  await send(reports, 400, () => ({ page: 1 }), null, signal);
  await Promise.all([
    send(orders, Number.POSITIVE_INFINITY, orderOf, 12, signal),
    work(orders, 20, (body) => failureOf(body, systemClock.now() >= repairedAt), signal),
    send(mails, Number.POSITIVE_INFINITY, (number) => ({ to: `customer-${number}@shop.example` }), 2, signal),
    work(reports, 5, () => null, signal),
  ]);
}

function orderOf(number: number): Order {
  const country = COUNTRIES[number % COUNTRIES.length] ?? '';
  return { order: 1000 + number, country, card: number % 17 === 0 ? 'expired' : 'valid' };
}

function failureOf(body: Uint8Array, taxServiceIsUp: boolean): string | null {
  const { order, country, card }: Order = JSON.parse(Buffer.from(body).toString('utf8'));
  if (card === 'expired') return `payment refused: card of order ${order} has expired`;
  return country === 'NO' && !taxServiceIsUp ? `timeout after 30.${order % 10} s: tax service` : null;
}

async function makeQueue(
  broker: Broker,
  name: string,
  maxReceives: number | null,
  signal: AbortSignal,
): Promise<Queue> {
  await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives, settings: {}, signal });
  return broker.queue(name, signal);
}

/** `perSec` null: as fast as possible. */
async function send(
  queue: Queue,
  count: number,
  bodyOf: (number: number) => object,
  perSec: number | null,
  signal: AbortSignal,
): Promise<void> {
  const publisher = await ask(queue, 'enqueue').publisher({ expected: null, lossy: false, notice: () => {}, signal });
  const pace = perSec === null ? null : pacer(perSec);
  for (let number = 1; number <= count && !signal.aborted; number++) {
    await pace?.next(signal);
    if (signal.aborted) break;
    const outcome = await publisher.send(messageOf(bodyOf(number)));
    if (outcome.status !== 'sent') throw new Error(`the demo could not send to ${queue.name}`);
  }
  await publisher.close();
}

async function work(
  queue: Queue,
  perSec: number,
  failure: (body: Uint8Array) => string | null,
  signal: AbortSignal,
): Promise<void> {
  const consumer = await ask(queue, 'drain').consume({
    ...{ state: 'ready', limit: null, window: 4, follow: true, idleMs: null, notice: () => {}, signal },
  });
  const pace = pacer(perSec);
  try {
    for await (const { message, receipt } of consumer) {
      await pace.next(signal);
      const reason = failure(message.body);
      await (reason === null ? receipt.ack() : receipt.release({ failure: reason }));
    }
  } finally {
    await consumer.close();
  }
}

function messageOf(body: object): OutgoingMessage {
  return {
    ...{ id: null, body: Buffer.from(JSON.stringify(body)), headers: {}, contentType: 'application/json', native: {} },
    ...{ priority: null, groupId: null, deduplicationId: null, ttlMs: null, name: null, delayMs: null, attempts: null },
    ...{ backoff: null, replays: null },
  };
}
