import type { Message } from '../contract/message.ts';
import { counted } from './counted.ts';
import type { Filter } from './filter.ts';
import { judgeOf, type Whose } from './whose.ts';

/** What is to be done with one message: taken, left where it is, or matched but deliberately not taken. */
export type Verdict = 'take' | 'leave' | { readonly skip: string };

export interface SelectionOptions {
  readonly filter: Filter | null;
  /**
   * Age in milliseconds: since death for dead letters, else since enqueueing. A message of unknown age matches neither.
   */
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
  /**
   * Everything is probably taken: the dead letters of the only queue that is linked, and no other choice. With `--max`,
   * no more are looked at to begin with: each look may cost a delivery. What another queue lost may be among them, and
   * then more are looked at.
   */
  readonly probablyEverything: boolean;
  verdict(message: Message): Verdict;
  /** What to tell the operator once, at the end: messages whose age is unknown, on which the filter failed. */
  remarks(): readonly string[];
  /** The filter was asked about messages and could be evaluated on none of them: that none matched says nothing. */
  readonly undecided: boolean;
  /**
   * To be awaited between messages: lets the event loop have its turn when the filter has worked for long, so that a
   * signal is heard.
   */
  turn(): Promise<void> | undefined;
}

/** No signal is heard while a filter works. */
const LONGEST_WORK_MS = 20;

/**
 * `whose`: which queue's dead letters are meant; null: all messages. `now`: what ages are counted from, by the broker's
 * clock.
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
      whose?.silent === 'meant' &&
      filter === null &&
      olderThanMs === null &&
      newerThanMs === null &&
      maxReplays === null,
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
            ? `the filter could be evaluated on none of ${counted(asked, 'message')}, so that none matched: ${problem}`
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
