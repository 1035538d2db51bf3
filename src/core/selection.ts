import type { Message } from '../contract/message.ts';
import type { Filter } from './filter.ts';
import { judgeOf, type Whose } from './whose.ts';

/** What is to be done with one message: taken, left where it is, or matched but deliberately not taken. */
export type Verdict = 'take' | 'leave' | { readonly skip: string };

export interface SelectionOptions {
  readonly filter: Filter | null;
  /** Age in milliseconds: since death for dead letters, else since enqueueing. A message of unknown age matches neither. */
  readonly olderThanMs: number | null;
  readonly newerThanMs: number | null;
  /** Messages that `mq` has marked as redriven this often already are skipped; null: not looked at. */
  readonly maxReplays: number | null;
}

export const EVERYTHING: SelectionOptions = { filter: null, olderThanMs: null, newerThanMs: null, maxReplays: null };

/** One pass over messages: it counts what it could not decide, so each pass takes a new one. */
export interface Selection {
  /** True when every message is taken: then nothing needs to be read to count or to move. */
  readonly everything: boolean;
  verdict(message: Message): Verdict;
  /** What to tell the operator once, at the end: messages whose age is unknown, on which the filter failed. */
  remarks(): readonly string[];
}

/** `whose`: which queue's dead letters are meant; null: all messages. `now`: what ages are counted from, by the broker's clock. */
export function selection(options: SelectionOptions, whose: Whose | null = null, now: number = Date.now()): Selection {
  const { filter, olderThanMs, newerThanMs, maxReplays } = options;
  const judge = whose === null ? null : judgeOf(whose);
  let ageUnknown = 0;
  let unevaluated = 0;
  let problem: string | null = null;
  const onProblem = (reason: string): void => {
    unevaluated += 1;
    problem ??= reason;
  };
  return {
    everything:
      filter === null && olderThanMs === null && newerThanMs === null && maxReplays === null && judge === null,
    verdict(message) {
      if (judge !== null && !judge.isMeant(message)) return 'leave';
      if (olderThanMs !== null || newerThanMs !== null) {
        const since = message.dead?.at ?? message.enqueuedAt;
        if (since === null) {
          ageUnknown += 1;
          return 'leave';
        }
        if (olderThanMs !== null && now - since < olderThanMs) return 'leave';
        if (newerThanMs !== null && now - since > newerThanMs) return 'leave';
      }
      if (filter !== null && !filter.matches(message, onProblem)) return 'leave';
      const replays = message.dead?.replays ?? 0;
      if (maxReplays !== null && replays >= maxReplays) return { skip: `already redriven ${replays} times` };
      return 'take';
    },
    remarks() {
      const remarks: string[] = [...(judge?.remarks() ?? [])];
      if (ageUnknown > 0) remarks.push(`${ageUnknown} messages do not say how old they are, and were left`);
      if (unevaluated > 0) {
        remarks.push(`the filter could not be evaluated on ${unevaluated} messages, which do not match: ${problem}`);
      }
      return remarks;
    },
  };
}
