import type { Answer } from './answer.ts';
import { asInteger, asList } from './reply.ts';

export interface ServerClock {
  /** Milliseconds since the epoch; by this machine's clock if the server does not tell. */
  readonly now: number;
  /** For `QueueStats`: present if it is the server's own. */
  readonly brokerTime: { readonly brokerTime?: number };
  /** Why it is not the server's; null: it is. */
  readonly note: string | null;
}

/** The clock by the answer to TIME. No figure is refused because a clock is missing. */
export function clockOf(answer: Answer | undefined): ServerClock {
  if (answer?.ok === true) {
    const [seconds, micros] = asList(answer.reply).map(asInteger);
    const now = (seconds ?? 0) * 1_000 + Math.floor((micros ?? 0) / 1_000);
    return { now, brokerTime: { brokerTime: now }, note: null };
  }
  const why =
    answer === undefined
      ? 'the nodes of a cluster have clocks of their own'
      : 'the server does not tell its time (TIME)';
  return { now: Date.now(), brokerTime: {}, note: `by the clock of this machine: ${why}` };
}
