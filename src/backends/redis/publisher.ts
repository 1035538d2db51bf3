import { MqError } from '../../contract/errors.ts';
import type { BareBodies, OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import type { Answer } from './connection/answer.ts';
import { type ErrorPlace, redisError } from './errors.ts';

export interface BatchTarget {
  readonly queue: string;
  misfits(message: OutgoingMessage): readonly string[];
  /** One outcome for each message, in their order. May throw if the answer was lost: then all are unknown. */
  store(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]>;
  /** Like `store`, for bare bodies. The target takes any. */
  storeBodies?(bodies: BareBodies): Promise<readonly SendOutcome[]>;
}

const BATCH_MESSAGES = 500;
const BATCH_BYTES = 1024 * 1024;
/** Eight batches: the server always has the next one. */
const WINDOW = 4000;
const NO_ANSWER: SendOutcome = { status: 'unknown', reason: 'the server gave no answer for this message' };

/**
 * Sends messages that come together in one call, in order. Several batches may be in the air, because one connection
 * answers in order. A refusal by the server is `failed`; a lost answer is `unknown`.
 */
export function batchPublisher(target: BatchTarget, options: PublisherOptions): Publisher {
  let waiting: { readonly message: OutgoingMessage; readonly resolve: (outcome: SendOutcome) => void }[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  const inTheAir = new Set<Promise<void>>();

  function flush(): void {
    scheduled = false;
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    const sending = deliver(batch).finally(() => inTheAir.delete(sending));
    inTheAir.add(sending);
  }

  async function deliver(batch: typeof waiting): Promise<void> {
    const outcomes = await stored(batch.map(({ message }) => message));
    for (const [index, { resolve }] of batch.entries()) {
      resolve(outcomes[index] ?? NO_ANSWER);
    }
  }

  const stored = (messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]> =>
    settled(messages.length, target.store(messages));

  async function settled(count: number, storing: Promise<readonly SendOutcome[]>): Promise<readonly SendOutcome[]> {
    try {
      return await storing;
    } catch (error) {
      const { message } = redisError(error, { operation: 'send', queue: target.queue });
      return new Array<SendOutcome>(count).fill({ status: 'unknown', reason: message });
    }
  }

  /** All at once: every batch is sent in this turn, so their order is that of the calls. */
  async function storedInBatches(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]> {
    const batches: Promise<readonly SendOutcome[]>[] = [];
    let start = 0;
    let bytes = 0;
    for (const [index, message] of messages.entries()) {
      bytes += message.body.byteLength;
      if (index - start + 1 < BATCH_MESSAGES && bytes < BATCH_BYTES && index + 1 < messages.length) continue;
      batches.push(stored(messages.slice(start, index + 1)));
      start = index + 1;
      bytes = 0;
    }
    const outcomes = await Promise.all(batches);
    return outcomes.length === 1 ? (outcomes[0] ?? []) : outcomes.flat();
  }

  function misfitOutcome(message: OutgoingMessage): SendOutcome | null {
    const misfits = options.lossy ? [] : target.misfits(message);
    return misfits.length === 0 ? null : { status: 'failed', reason: `the queue cannot hold: ${misfits.join(', ')}` };
  }

  let closed = false;
  /** Sends what already waits first, so that messages are sent in the order of the calls. */
  function begin(): void {
    if (closed) throw new MqError('INTERNAL', 'send after close', { backend: 'redis', queue: target.queue });
    flush();
  }

  function inTheAirUntilDone<T>(sending: Promise<T>): Promise<T> {
    const done = sending.then(() => {}).finally(() => inTheAir.delete(done));
    inTheAir.add(done);
    return sending;
  }

  const { storeBodies } = target;
  return {
    misfits: target.misfits,
    window: WINDOW,
    ...(storeBodies === undefined
      ? {}
      : {
          async sendBodies(bodies: BareBodies) {
            begin();
            if (bodies.bounds.length === 0) return [];
            return inTheAirUntilDone(settled(bodies.bounds.length / 2, storeBodies(bodies)));
          },
        }),
    async sendAll(messages) {
      begin();
      const refused = messages.map(misfitOutcome);
      const fitting = messages.filter((_, index) => refused[index] === null);
      const outcomes = await inTheAirUntilDone(storedInBatches(fitting));
      let next = 0;
      return refused.map((refusal) => refusal ?? outcomes[next++] ?? NO_ANSWER);
    },
    send(message: OutgoingMessage): Promise<SendOutcome> {
      if (closed) throw new MqError('INTERNAL', 'send after close', { backend: 'redis', queue: target.queue });
      const refused = misfitOutcome(message);
      if (refused !== null) return Promise.resolve(refused);
      return new Promise((resolve) => {
        waiting.push({ message, resolve });
        waitingBytes += message.body.byteLength;
        if (waiting.length >= BATCH_MESSAGES || waitingBytes >= BATCH_BYTES) flush();
        else if (!scheduled) {
          scheduled = true;
          setImmediate(flush);
        }
      });
    },
    async close(): Promise<void> {
      closed = true;
      while (waiting.length > 0 || inTheAir.size > 0) {
        flush();
        await Promise.all([...inTheAir]);
      }
    },
  };
}

/** Their bodies in one piece of memory. */
export function packed(messages: readonly OutgoingMessage[]): BareBodies {
  const [first] = messages;
  if (messages.length === 1 && first !== undefined) return { bytes: first.body, bounds: [0, first.body.byteLength] };
  const bounds: number[] = [];
  let end = 0;
  for (const { body } of messages) {
    const start = end;
    end += body.byteLength;
    bounds.push(start, end);
  }
  return { bytes: Buffer.concat(messages.map(({ body }) => body)), bounds };
}

/** The outcome of one call that stored messages. */
export function outcomeOf(answer: Answer | undefined, queue: string, id: string | null = null): SendOutcome {
  if (answer === undefined) return NO_ANSWER;
  if (answer.ok) return { status: 'sent', id };
  return failureOf(answer.error, answer.refused, { operation: 'send', queue });
}

/** The outcome of a send that the server refused, or whose answer was lost. */
export function failureOf(error: unknown, refused: boolean, place: ErrorPlace): SendOutcome {
  const { message: reason, code, retryable } = redisError(error, place);
  if (!refused) return { status: 'unknown', reason };
  return { status: 'failed', reason, ...((code === 'PERMISSION_DENIED' || retryable) && { code }) };
}
