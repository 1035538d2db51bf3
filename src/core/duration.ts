import { MqError } from '../contract/errors.ts';

const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g;

/**
 * `1h30m` → milliseconds. Units go from large to small, and each occurs once. A bare number is refused, because a
 * wrongly guessed unit on a purge deletes the wrong messages. Only `0` needs no unit. Throws `USAGE`.
 */
export function parseDurationMs(text: string): number {
  if (text === '0') return 0;
  if (/^\d+(\.\d+)?$/.test(text)) {
    throw new MqError('USAGE', `a duration needs a unit: ${text}`, { hint: `write ${text}s or ${text}m, for example` });
  }
  if (!DURATION.test(text)) {
    throw new MqError('USAGE', `not a duration: ${text}`, {
      hint: 'write numbers with ms, s, m, h, d or w: 500ms, 30s, 1h30m, 7d',
    });
  }
  let totalMs = 0;
  let previous = -1;
  for (const [, amount, unit] of text.matchAll(PART)) {
    const position = UNITS.findIndex(([name]) => name === unit);
    const unitMs = UNITS[position]?.[1] ?? 0;
    if (position <= previous) {
      throw new MqError('USAGE', `not a duration: ${text}`, {
        hint: 'units go from large to small, each once: 1d12h, 1m30s',
      });
    }
    previous = position;
    totalMs += Number(amount) * unitMs;
  }
  if (!Number.isSafeInteger(Math.round(totalMs))) throw new MqError('USAGE', `the duration is too long: ${text}`);
  return Math.round(totalMs);
}

/** A timer of Node with a longer time fires at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Like `parseDurationMs`, for waits in this process: a deadline, or the time between two readings. Throws `USAGE` for
 * more than 24 days.
 */
export function parseWaitMs(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs <= LONGEST_WAIT_MS) return durationMs;
  throw new MqError('USAGE', `too long to wait: ${text}`, { hint: 'write 24d at most' });
}

/**
 * Like `parseWaitMs`, for the longest wait for an answer. Throws `USAGE` for 0: it leaves no time to answer, and people
 * who know it from other programs mean "for ever".
 */
export function parseDeadlineMs(text: string): number {
  const deadlineMs = parseWaitMs(text);
  if (deadlineMs > 0) return deadlineMs;
  throw new MqError('USAGE', `no time to answer: ${text}`, {
    hint: 'write the longest wait for one answer, 24d at most',
  });
}

/** For people: the two largest units, `3m12s`, `2d4h`. Below a second: `40ms`. */
export function formatDuration(durationMs: number): string {
  const rounded = Math.round(durationMs);
  if (rounded < 1_000) return `${rounded}ms`;
  if (rounded < 10_000) return `${(Math.round(rounded / 100) / 10).toString()}s`;
  const wholeSeconds = Math.round(rounded / 1_000) * 1_000;
  for (const [position, [unit, unitMs]] of UNITS.entries()) {
    if (wholeSeconds < unitMs) continue;
    const large = Math.floor(wholeSeconds / unitMs);
    const next = UNITS[position + 1];
    const small = next === undefined || next[1] < 1_000 ? 0 : Math.floor((wholeSeconds % unitMs) / next[1]);
    return `${large}${unit}${small > 0 ? `${small}${next?.[0] ?? ''}` : ''}`;
  }
  return `${rounded}ms`;
}
