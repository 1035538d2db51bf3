import { atLeast } from '../connection/link.ts';
import type { RabbitKind } from '../management/queue-info.ts';
import { type Renewing, renewLastDeliveries } from './last-deliveries.ts';
import { Returns, sendLateAcks, takeOtherReturned } from './quorum-returns.ts';
import type { Segment, SegmentEvents } from './segment.ts';

export interface GivingBack extends Renewing {
  readonly kind: RabbitKind;
  /** In the order in which they were filled; cancelled. */
  readonly segments: readonly Segment[];
  readonly events: SegmentEvents;
  /** The last delivery had been given back before. */
  readonly lastWasReturned: boolean;
  /** The connection is lost, or the consumption: the broker gives back by itself, in whatever order. */
  readonly isBroken: () => boolean;
  readonly deliveryLimit: number | null;
}

/** Gives back what the segments hold by closing them, in its old order, after everything that is acknowledged. */
export async function giveBack(giving: GivingBack): Promise<void> {
  const { link, kind, queue } = giving;
  const segments = [...giving.segments];
  await holdInOrder(giving, segments).catch(() => undefined);
  const returns = kind === 'quorum' && unsettled(segments) > 0 ? await Returns.watch(link, queue) : null;
  for (const segment of segments) {
    segment.flush();
    // A classic queue takes back what a closed channel held only after the closing is confirmed. By nack, the question
    // behind it is answered when everything is back, in its place. A quorum queue below 4.0 would put it at the tail.
    // From 4.3 a return by nack does not count as a failed delivery, the loss of a channel does.
    if (kind === 'classic' || atLeast(link.version, 4, 3)) {
      segment.requeueAll();
      await segment.ready().catch(() => 0);
    }
    // One after the other: what was delivered first must be back first.
    await segment.close();
    await returns?.of(segment.unsettled);
  }
}

/** Takes what else has to go back for the sake of order. */
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
  // Of these the last acks may get lost (see `sendLateAcks`): then the old one becomes dead, beside the new one.
  if (!giving.isBroken()) await renewLastDeliveries(giving, segments.slice(barrier === null ? seen : seen - 1));
}

function unsettled(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.unsettled, 0);
}
