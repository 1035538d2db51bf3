import type { Notice } from '../../../contract/call.ts';
import type { Message, OutgoingMessage } from '../../../contract/message.ts';
import type { Link } from '../connection/link.ts';
import { brokerError } from '../errors.ts';
import { toMessage } from '../message-in.ts';
import { RabbitPublisher } from '../publisher.ts';
import type { Content } from '../wire/frames.ts';
import type { Segment } from './segment.ts';

export interface Renewing {
  readonly link: Link;
  readonly queue: string;
  readonly login: string;
  readonly notice: Notice;
}

/**
 * Below RabbitMQ 4.3, a quorum queue counts every return as a failed delivery. A message whose count passes the
 * delivery limit becomes dead; without a dead-letter exchange it is dropped. That must not happen to a message that was
 * only looked at. So a message without a delivery left does not go back: it is sent to the end of its queue as a new
 * message, and acknowledged when the broker has confirmed that one. If `mq` is killed in between, the message is there
 * twice.
 *
 * A message that could not be sent goes back, and the notice says what will happen. Never rejects.
 */
export async function renewLastDeliveries(renewing: Renewing, segments: readonly Segment[]): Promise<void> {
  const held = segments.flatMap((segment) =>
    [...segment.lastDeliveries].map(([tag, content]) => ({ content, done: () => segment.ackForGood(tag) })),
  );
  await renew(renewing, held);
}

/** The same for messages that no segment holds. `done` acknowledges one. */
export async function renew(
  { link, queue, login, notice }: Renewing,
  held: readonly { readonly content: Content; readonly done: () => void }[],
): Promise<void> {
  if (held.length === 0 || link.lost.aborted) return;
  let renewed = 0;
  let reason: string | null = null;
  try {
    // Its channel is closed with the link. An interruption must not keep it from settling the held messages.
    const publisher = await RabbitPublisher.open({
      ...{ link, queue, login, notice, isStream: false, unsorted: null, lossy: true, room: null },
      signal: new AbortController().signal,
    });
    await Promise.all(
      held.map(async ({ content, done }) => {
        const outcome = await publisher.send(asNew(toMessage(content, queue, true, 'peeked')));
        if (outcome.status === 'sent') {
          renewed++;
          done();
        } else reason ??= outcome.reason;
      }),
    );
  } catch (error) {
    reason = brokerError(error, { operation: 'send', queue }).message;
  }
  const name = JSON.stringify(queue);
  if (renewed > 0) {
    notice(
      `${some(renewed)} of ${name} had no delivery left, and a look is one: put back at its end as new, with all deliveries before them`,
    );
  }
  if (reason !== null) {
    notice(
      `${some(held.length - renewed)} of ${name} had no delivery left, and could not be put back as new: dead, unless another takes them first (${reason})`,
    );
  }
}

function some(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

/** Everything that travels. The publisher drops the delivery count. */
function asNew(message: Message): OutgoingMessage {
  return { ...message, delayMs: null, attempts: null, backoff: null, replays: null };
}
