import { MqError } from '../../contract/errors.ts';
import type { OutgoingMessage } from '../../contract/message.ts';
import type { Publisher, Queue } from '../../contract/queue.ts';

/** Throws `NOT_SUPPORTED` when the queue cannot hold everything of the message. `line`: its place in the input, if it has one. */
export function refuseMisfits(publisher: Publisher, message: OutgoingMessage, queue: Queue, line: number | null): void {
  const misfits = publisher.misfits(message);
  if (misfits.length === 0) return;
  throw new MqError(
    'NOT_SUPPORTED',
    `${line === null ? '' : `line ${line}: `}kind ${queue.kind} cannot hold: ${misfits.join('; ')}`,
    {
      hint: "leave it out, or send without it with --lossy; see 'mq backends'",
      backend: queue.capabilities.broker,
      operation: 'enqueue',
      queue: queue.name,
    },
  );
}
