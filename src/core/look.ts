import type { MessageState } from '../contract/message.ts';
import type { GivesBack, Notice, Queue } from '../contract/queue.ts';

export interface LookRequest {
  readonly source: Queue;
  readonly state: MessageState;
  /** How many will be looked at, at most; null: unknown. */
  readonly looks: number | null;
  readonly givesBack: GivesBack;
  readonly force: boolean;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/** False also where nobody can look at all: then taking and giving back is the only way to see a message. */
export function isLookFree({ capabilities }: Queue): boolean {
  const { peek } = capabilities.abilities;
  return peek.supported && peek.effect === 'free';
}

/**
 * The one gate before any look at messages that may stay where they are, for every verb: says the price, once, before
 * anything is asked or touched. Throws `PRECONDITION_FAILED` when looking would do harm, or when nobody can tell, and
 * `force` is not set.
 */
export async function weighLook(request: LookRequest): Promise<void> {
  const { source, state, looks, givesBack, force, notice, signal } = request;
  const price = (await source.priceOfLook?.({ state, looks, givesBack, force, signal })) ?? null;
  if (price !== null) notice(price);
}
