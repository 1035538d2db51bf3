import type { BareBodies, OutgoingMessage, SendOutcome } from '../../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../../contract/queue.ts';
import { batchPublisher, outcomeOf } from '../batch-publisher.ts';
import type { Answer, Call, Connection } from '../connection.ts';
import { asText } from '../reply.ts';
import { callForEachBody, encodedCalls } from '../wire.ts';
import { BODY, fieldsOf, streamMisfits } from './entry.ts';

/**
 * Each entry is a call of its own, written together: an answer for each, whatever becomes of the others. (A script that adds many costs the server
 * three times as much for each: 3.7 µs against 1.2 µs.)
 */
export function streamPublisher(connection: Connection, key: string, options: PublisherOptions): Publisher {
  const place = { operation: 'send', queue: key };
  const outcomes = (answers: readonly Answer[]): readonly SendOutcome[] =>
    answers.map((answer) => outcomeOf(answer, key, answer.ok ? asText(answer.reply) : null));
  const target = {
    queue: key,
    misfits: streamMisfits,
    async store(messages: readonly OutgoingMessage[]) {
      const calls = messages.map((message): Call => ['XADD', key, '*', ...fieldsOf(message)]);
      if (connection.isCluster) return outcomes(await connection.each(calls, place));
      return outcomes(await connection.written(encodedCalls(calls), { name: 'xadd', key, count: calls.length }, place));
    },
  };
  if (connection.isCluster) return batchPublisher(target, options);
  async function storeBodies(bodies: BareBodies) {
    const count = bodies.bounds.length / 2;
    const bytes = callForEachBody(['XADD', key, '*', BODY], bodies);
    return outcomes(await connection.written(bytes, { name: 'xadd', key, count }, place));
  }
  return batchPublisher({ ...target, storeBodies }, options);
}
