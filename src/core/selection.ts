import type { Message } from '../contract/message.ts';
import { counted } from './counted.ts';
import type { Filter } from './filter.ts';
import { judgeOf, type Whose } from './whose.ts';

/** What to do with one message: take it, leave it, or skip it (it matched but is deliberately not taken). */
export type Verdict = 'take' | 'leave' | { readonly skip: string };

export interface SelectionOptions {
  readonly filter: Filter | null;
  /**
   * Age in milliseconds: since death for dead letters, else since enqueueing. A message of unknown age matches neither.
   */
  readonly olderThanMs: number | null;
  readonly newerThanMs: number | null;
  /** Skip messages that `mq` has marked as redriven this often already; null: do not check. */
  readonly maxReplays: number | null;
}

export const EVERYTHING: SelectionOptions = { filter: null, olderThanMs: null, newerThanMs: null, maxReplays: null };

/** One pass over messages. It counts what it could not decide, so each pass takes a new one. */
export interface Selection {
  /** True if every message is taken: then no message has to be read to count or to move. */
  readonly everything: boolean;
  /**
   * Everything is probably taken: these are the dead letters of the only linked queue, and there is no other choice.
   * With `--max`, only that many are looked at to begin with, because each look may cost a delivery. If some of them
   * were lost by another queue, more are looked at.
   */
  readonly probablyEverything: boolean;
  /** Await it before `verdict`: what is needed for this message, and is not known yet, is asked. */
  learn(message: Message): Promise<void> | undefined;
  verdict(message: Message): Verdict;
  /**
   * What to tell the operator once, at the end: how many messages have no known age, and on how many the filter failed.
   */
  remarks(): readonly string[];
  /** The filter was asked about messages and could be evaluated on none of them, so "none matched" says nothing. */
  readonly undecided: boolean;
  /**
   * Await it between messages. It lets the event loop run when the filter has worked for long, so that a signal is
   * heard.
   */
  turn(): Promise<void> | undefined;
}

/** How long a filter may work in one go: no signal is heard meanwhile. */
const LONGEST_WORK_MS = 20;

/**
 * `whose`: which queue's dead letters are meant; null: all messages. `now`: the broker's time from which ages are
 * counted.
 */
export function selection(options: SelectionOptions, whose: Whose | null = null, now: number = Date.now()): Selection {
  const { filter, olderThanMs, newerThanMs, maxReplays } = options;
  const judge = whose === null ? null : judgeOf(whose);
  let ageUnknown = 0;
  let asked = 0;
  let unevaluated = 0;
  let workedMs = 0;
  let problem: string | null = null;
  const onProblem = (reason: string): void => {
    unevaluated += 1;
    problem ??= reason;
  };
  const isMatch = (message: Message): boolean => {
    if (filter === null) return true;
    const startedAt = performance.now();
    const matches = filter.matches(message, onProblem);
    workedMs += performance.now() - startedAt;
    asked += 1;
    return matches;
  };
  return {
    everything:
      filter === null && olderThanMs === null && newerThanMs === null && maxReplays === null && judge === null,
    probablyEverything:
      (whose?.silent === 'meant' || whose?.learn !== undefined) &&
      filter === null &&
      olderThanMs === null &&
      newerThanMs === null &&
      maxReplays === null,
    learn: (message) => judge?.learn(message),
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
      if (!isMatch(message)) return 'leave';
      const replays = message.dead?.replays ?? 0;
      if (maxReplays !== null && replays >= maxReplays) return { skip: `already redriven ${counted(replays, 'time')}` };
      return 'take';
    },
    remarks() {
      const remarks: string[] = [...(judge?.remarks() ?? [])];
      if (ageUnknown > 0)
        remarks.push(
          ageUnknown === 1
            ? '1 message does not say how old it is, and was left'
            : `${ageUnknown} messages do not say how old they are, and were left`,
        );
      if (unevaluated > 0) {
        remarks.push(
          unevaluated === asked
            ? `the filter could be evaluated on none of ${counted(asked, 'message')}, so none matched: ${problem}`
            : `the filter could not be evaluated on ${counted(unevaluated, 'message')}, which ${unevaluated === 1 ? 'does' : 'do'} not match: ${problem}`,
        );
      }
      return remarks;
    },
    get undecided() {
      return asked > 0 && unevaluated === asked;
    },
    turn() {
      if (workedMs < LONGEST_WORK_MS) return undefined;
      workedMs = 0;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}
