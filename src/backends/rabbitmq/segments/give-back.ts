import { atLeast } from '../connection/link.ts';
import type { RabbitKind } from '../management/queue-info.ts';
import { type Renewing, renewLastDeliveries } from './last-deliveries.ts';
import { Returns, sendLateAcks, takeOtherReturned } from './quorum-returns.ts';
import type { Segment, SegmentEvents } from './segment.ts';

export interface GivingBack extends Renewing {
  readonly kind: RabbitKind;
  /** In the order in which they were filled; all are cancelled. */
  readonly segments: readonly Segment[];
  readonly events: SegmentEvents;
  /** The last delivery had been given back before. */
  readonly lastWasReturned: boolean;
  /** The connection or the consumption is lost: the broker gives back by itself, in whatever order. */
  readonly isBroken: () => boolean;
  readonly deliveryLimit: number | null;
}

/** Gives back the messages of the segments by closing them, in the old order, after everything that is acknowledged. */
export async function giveBack(giving: GivingBack): Promise<void> {
  const { link, kind, queue } = giving;
  const segments = [...giving.segments];
  await holdInOrder(giving, segments).catch(() => undefined);
  const returns = kind === 'quorum' && unsettled(segments) > 0 ? await Returns.watch(link, queue) : null;
  for (const segment of segments) {
    segment.flush();
    // A classic queue takes back the messages of a closed channel only after the closing is confirmed. With a nack,
    // everything is back in its place when the next question is answered. Below 4.0, a quorum queue would put them at
    // the tail. From 4.3 on, a return by nack does not count as a failed delivery, but the loss of a channel does.
    if (kind === 'classic' || atLeast(link.version, 4, 3)) {
      segment.requeueAll();
      await segment.ready().catch(() => 0);
    }
    // One after the other: messages that were delivered first must be back first.
    await segment.close();
    await returns?.of(segment.unsettled);
  }
}

/** Takes the other messages that have to go back to keep the order. */
async function holdInOrder(giving: GivingBack, segments: Segment[]): Promise<void> {
  const { kind, events } = giving;
  if (kind !== 'quorum' || giving.isBroken()) return;
  await renewLastDeliveries(giving, segments);
  for (const segment of segments) segment.flush();
  const barrier = await sendLateAcks(giving, segments, events);
  if (barrier !== null) segments.push(barrier);
  const seen = segments.length;
  if (unsettled(segments) > 0 && giving.lastWasReturned && !giving.isBroken()) {
    const left = await segments.at(-1)?.ready();
    if (left !== 0) segments.push(...(await takeOtherReturned(giving)));
  }
  // The last of these acks may get lost (see `sendLateAcks`): then the old message becomes dead, beside the new one.
  if (!giving.isBroken()) await renewLastDeliveries(giving, segments.slice(barrier === null ? seen : seen - 1));
}

function unsettled(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.unsettled, 0);
}
