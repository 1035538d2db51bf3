import type { Check } from '../../contract/broker.ts';

/** How far the clock of a server is from this machine's. */
export interface ClockReading {
  /** Server − this machine, milliseconds. */
  readonly skewMs: number;
  /** The true value differs from `skewMs` by at most this, in milliseconds. */
  readonly accuracyMs: number;
}

/** Beyond it, delays and ages that are computed on two machines differ too much. */
const SKEW_WORTH_A_WORD_MS = 2_000;

/**
 * `serverMs` was read on the server at some moment between two readings of our own clock, and is itself accurate to
 * `accuracyMs`.
 */
export function clockReading(
  serverMs: number,
  accuracyMs: number,
  asked: { readonly sentAt: number; readonly answeredAt: number },
): ClockReading {
  const { sentAt, answeredAt } = asked;
  return { skewMs: serverMs - (sentAt + answeredAt) / 2, accuracyMs: accuracyMs + (answeredAt - sentAt) / 2 };
}

/**
 * Reads the `Date` header of an HTTP answer. It has no fractions of a second, and servers renew it once a second, not
 * for each answer (RabbitMQ's was seen 1.2 s old). Null if there is none that can be read.
 */
export function clockOfAnswer(
  header: unknown,
  asked: { readonly sentAt: number; readonly answeredAt: number },
): ClockReading | null {
  const second = typeof header === 'string' ? Date.parse(header) : Number.NaN;
  return Number.isNaN(second) ? null : clockReading(second + 1000, 1000, asked);
}

/** The finding of `mq doctor`. `reading` null: unknown, for the given reason. */
export function clockCheck(reading: ClockReading | null, whyUnknown: string): Check {
  if (reading === null) return { name: 'clock', status: 'skipped', detail: `unknown: ${whyUnknown}`, hint: null };
  const skewMs = Math.round(reading.skewMs);
  const accuracyMs = Math.ceil(reading.accuracyMs);
  const detail = `${Math.abs(skewMs)} ms ${skewMs < 0 ? 'behind' : 'ahead of'} this machine, give or take ${accuracyMs} ms`;
  if (Math.abs(skewMs) - accuracyMs < SKEW_WORTH_A_WORD_MS) return { name: 'clock', status: 'ok', detail, hint: null };
  return {
    name: 'clock',
    status: 'warning',
    detail,
    hint: 'delays and ages are off by as much: set both clocks by NTP',
  };
}
