import type { Notice } from '../../contract/queue.ts';
import { atLeast, type Link } from './link.ts';
import type { RabbitKind } from './queue-info.ts';
import { Returns, sendLateAcks, takeOtherReturned } from './quorum-returns.ts';
import type { Segment, SegmentEvents } from './segment.ts';

export interface GivingBack {
  readonly link: Link;
  readonly queue: string;
  readonly kind: RabbitKind;
  /** In the order in which they were filled; cancelled. */
  readonly segments: readonly Segment[];
  readonly events: SegmentEvents;
  /** The last delivery had been given back before. */
  readonly lastWasReturned: boolean;
  /** The connection is lost, or the consumption: the broker gives back by itself, in whatever order. */
  readonly isBroken: () => boolean;
  readonly notice: Notice;
}

/** Gives back what the segments hold by closing them, in its old order, after everything that is acknowledged. */
export async function giveBack(giving: GivingBack): Promise<void> {
  const { link, kind, queue } = giving;
  const segments = [...giving.segments];
  await holdInOrder(giving, segments).catch(() => undefined);
  const returns = kind === 'quorum' && unsettled(segments) > 0 ? await Returns.watch(link, queue) : null;
  for (const segment of segments) {
    segment.flush();
    // A classic queue takes back what a closed channel held only after the closing is confirmed. By nack, the question behind it is answered
    // when everything is back, in its place. A quorum queue below 4.0 would put it at the tail.
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
  const { link, kind, queue, notice, events } = giving;
  if (kind !== 'quorum' || giving.isBroken()) return;
  for (const segment of segments) segment.flush();
  const barrier = await sendLateAcks(link, queue, segments, events);
  if (barrier !== null) segments.push(barrier);
  if (unsettled(segments) === 0 || !giving.lastWasReturned || giving.isBroken()) return;
  const left = (await segments.at(-1)?.ready()) ?? 0;
  if (left > 0) segments.push(...(await takeOtherReturned(link, queue, notice)));
}

function unsettled(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.unsettled, 0);
}
