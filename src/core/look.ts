import type { Call } from '../contract/call.ts';
import type { MessageState } from '../contract/message.ts';
import type { GivesBack, Queue } from '../contract/queue.ts';

export interface LookRequest extends Call {
  readonly source: Queue;
  readonly state: MessageState;
  /** The largest number of messages to look at; null: unknown. */
  readonly looks: number | null;
  readonly givesBack: GivesBack;
  readonly force: boolean;
}

/** False also if looking is impossible: then taking and giving back is the only way to see a message. */
export function isLookFree({ capabilities }: Queue): boolean {
  const { peek } = capabilities.abilities;
  return peek.supported && peek.effect === 'free';
}

/**
 * The one gate before any look at messages that may stay in their place, for every verb. It says the price once, before
 * anything is asked or touched. Throws `PRECONDITION_FAILED` if looking would do harm, or if that is unknown, and
 * `force` is not set.
 */
export async function weighLook(request: LookRequest): Promise<void> {
  const { source, state, looks, givesBack, force, notice, signal } = request;
  const price = (await source.priceOfLook?.({ state, looks, givesBack, force, signal })) ?? null;
  if (price !== null) notice(price);
}
