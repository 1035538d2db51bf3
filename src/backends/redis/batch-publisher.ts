import { MqError } from '../../contract/errors.ts';
import type { OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import type { Answer } from './connection.ts';
import { redisError } from './errors.ts';

export interface BatchTarget {
  readonly queue: string;
  misfits(message: OutgoingMessage): readonly string[];
  /** One outcome for each message, in their order. May throw when the answer was lost: then all are unknown. */
  store(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]>;
}

const BATCH_MESSAGES = 500;
const BATCH_BYTES = 1024 * 1024;

/**
 * Sends what is asked together in one call, in order. Several batches may be in the air: one connection answers in order. A refusal
 * by the server is `failed`; a lost answer is `unknown`.
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
    let outcomes: readonly SendOutcome[];
    try {
      outcomes = await target.store(batch.map(({ message }) => message));
    } catch (error) {
      const { message } = redisError(error, { operation: 'send', queue: target.queue });
      outcomes = batch.map(() => ({ status: 'unknown', reason: message }));
    }
    for (const [index, { resolve }] of batch.entries()) {
      resolve(outcomes[index] ?? { status: 'unknown', reason: 'the server gave no answer for this message' });
    }
  }

  let closed = false;
  return {
    misfits: target.misfits,
    send(message: OutgoingMessage): Promise<SendOutcome> {
      if (closed) throw new MqError('INTERNAL', 'send after close', { backend: 'redis', queue: target.queue });
      const misfits = options.lossy ? [] : target.misfits(message);
      if (misfits.length > 0) {
        return Promise.resolve({ status: 'failed', reason: `the queue cannot hold: ${misfits.join(', ')}` });
      }
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

/** The outcome of one call that stored messages. */
export function outcomeOf(answer: Answer | undefined, queue: string, id: string | null = null): SendOutcome {
  if (answer === undefined) return { status: 'unknown', reason: 'the server gave no answer for this message' };
  if (answer.ok) return { status: 'sent', id };
  const { message } = redisError(answer.error, { operation: 'send', queue });
  return { status: answer.refused ? 'failed' : 'unknown', reason: message };
}
