import { MqError } from '../../contract/errors.ts';
import type { OutgoingMessage } from '../../contract/message.ts';
import type { Publisher, Queue } from '../../contract/queue.ts';
import { type MessageTemplate, templateFrom } from './enqueue-template.ts';

/** Checked with a body that fits everywhere: BullMQ takes only JSON, SQS no empty body. */
const PROBE = Buffer.from('null');

/**
 * Like `refuseMisfits`, for what the flags ask for, before anything is read. For envelopes only what the flags add is
 * checked: the envelope may hold what a message must have there (its group, for FIFO of SQS).
 */
export function refuseFlags(publisher: Publisher, template: MessageTemplate, queue: Queue, ofEnvelopes: boolean): void {
  const perEnvelope = ofEnvelopes ? publisher.misfits(templateFrom({}).apply(null, PROBE)) : [];
  refuse(
    publisher.misfits(template.apply(null, PROBE)).filter((misfit) => !perEnvelope.includes(misfit)),
    queue,
    null,
  );
}

/**
 * Throws `NOT_SUPPORTED` if the queue cannot hold everything of the message. `line`: its place in the input, if it has
 * one.
 */
export function refuseMisfits(publisher: Publisher, message: OutgoingMessage, queue: Queue, line: number | null): void {
  refuse(publisher.misfits(message), queue, line);
}

function refuse(misfits: readonly string[], queue: Queue, line: number | null): void {
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
