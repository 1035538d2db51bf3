import type { QueueStats } from '../contract/stats.ts';
import { coversTrend, hasStayed, type Series, type Slope, slope, TREND_SAMPLES, trend } from './series.ts';

/** A problem of a queue. */
export const FAULTS = ['no consumers', 'growing', 'dead letters arriving', 'failing', 'paused'] as const;
export type Fault = (typeof FAULTS)[number];

/**
 * Whether the depth falls, and when it will reach zero. `unknown`: there are too few samples, or the depth is unknown.
 */
export type Outlook =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'empty' }
  /** `isSure`: it was watched for so long that slow growth would have been seen. */
  | { readonly kind: 'steady'; readonly isSure: boolean }
  /** `byRates`: the rates say so, and the depth has not been watched long enough to show it. */
  | { readonly kind: 'growing'; readonly byRates?: true }
  | { readonly kind: 'draining'; readonly inMs: number; readonly byRates?: true };

const TREND_WINDOW_MS = 15_000;
/**
 * A rise smaller than this share of the depth, or than this many messages, is not called growing at once: depths go up
 * and down a little all the time. It is called growing if it continues.
 */
const NOTABLE_SHARE = 0.02;
const NOTABLE_CHANGE = 3;

export interface Judgement {
  readonly faults: readonly Fault[];
  readonly outlook: Outlook;
  /** Change of depth per second; null when unknown. */
  readonly netPerSec: number | null;
}

/** Rates that differ by less than this share count as equal: they cover only a few seconds. */
const NOTABLE_RATE_SHARE = 0.2;
const NOTABLE_RATE = 0.2;

/** `lostConsumers`: it had some while it was watched. */
export function judge(stats: QueueStats, series: Series, lostConsumers = false): Judgement {
  const measured = slope(series, 'depth', TREND_WINDOW_MS);
  const netPerSec = netOf(stats, measured);
  const outlook = outlookOf(stats, series, measured, netPerSec);
  const found: Readonly<Record<Fault, boolean>> = {
    'no consumers': stats.consumers === 0 && (stats.ready ?? 0) > 0 && (lostConsumers || !isIdle(stats, measured)),
    growing: outlook.kind === 'growing' && outlook.byRates !== true,
    'dead letters arriving': (slope(series, 'dead', TREND_WINDOW_MS)?.change ?? 0) > 0,
    failing: (stats.rates?.errorPerSec ?? 0) > 0,
    paused: stats.state === 'paused',
  };
  return { faults: FAULTS.filter((fault) => found[fault]), outlook, netPerSec };
}

/** Whether further readings that say the same cannot change the judgement. */
export function isSettled({ depth, rates }: QueueStats, series: Series): boolean {
  if (rates !== undefined && [rates.inPerSec, rates.outPerSec, rates.errorPerSec].some((rate) => (rate ?? 0) !== 0))
    return false;
  // Of a queue with messages it becomes surer for a while that its depth is steady.
  return hasStayed(series, TREND_WINDOW_MS, (depth ?? 0) === 0 ? 2 : TREND_SAMPLES);
}

/**
 * As far as is known, nothing comes and nothing goes: messages are parked there, and no consumer is meant to take them.
 * A queue with unknown rates is not idle.
 */
function isIdle({ rates }: QueueStats, measured: Slope | null): boolean {
  if ((measured?.change ?? 0) !== 0) return false;
  const { inPerSec = null, outPerSec = null } = rates ?? {};
  if (inPerSec === null && outPerSec === null) return measured !== null;
  return (inPerSec ?? 0) === 0 && (outPerSec ?? 0) === 0;
}

/** Measured if there are two samples; before that, from the broker's own rates. */
function netOf(stats: QueueStats, measured: Slope | null): number | null {
  if (measured !== null) return measured.perSec;
  const { inPerSec = null, outPerSec = null } = stats.rates ?? {};
  return inPerSec === null || outPerSec === null || stats.depth === null ? null : inPerSec - outPerSec;
}

function outlookOf(stats: QueueStats, series: Series, measured: Slope | null, netPerSec: number | null): Outlook {
  if (stats.depth === null) return { kind: 'unknown' };
  if (stats.depth === 0) return { kind: 'empty' };
  if (netPerSec === null) return { kind: 'unknown' };
  const change = measured?.beyond ?? netPerSec;
  const notable = Math.max(NOTABLE_CHANGE, stats.depth * NOTABLE_SHARE);
  if (change >= notable) return { kind: 'growing' };
  if (change <= -notable) return { kind: 'draining', inMs: (stats.depth / -netPerSec) * 1000 };
  const slow = trend(series, 'depth');
  // The last few messages of a queue are too few to fall notably. One more or less of them is normal for a queue whose
  // consumers keep up.
  const isEnding = slow !== null && slow.change < 0 && stats.depth <= NOTABLE_CHANGE;
  if (slow === null || (Math.abs(slow.change) < NOTABLE_CHANGE && !isEnding)) {
    const isSure = coversTrend(series);
    return (isSure ? null : byRates(stats, measured)) ?? { kind: 'steady', isSure };
  }
  return slow.perSec > 0 ? { kind: 'growing' } : { kind: 'draining', inMs: (stats.depth / -slow.perSec) * 1000 };
}

/**
 * Before the depth can show a trend, the rates tell it, unless the depth goes the other way. Null: the rates do not
 * differ, or are unknown.
 */
function byRates({ rates, depth }: QueueStats, measured: Slope | null): Outlook | null {
  const { inPerSec = null, outPerSec = null } = rates ?? {};
  if (inPerSec === null || outPerSec === null || depth === null) return null;
  const net = inPerSec - outPerSec;
  if (Math.abs(net) < Math.max(NOTABLE_RATE, Math.max(inPerSec, outPerSec) * NOTABLE_RATE_SHARE)) return null;
  if (measured !== null && measured.change * net < 0) return null;
  return net > 0
    ? { kind: 'growing', byRates: true }
    : { kind: 'draining', inMs: (depth / -net) * 1000, byRates: true };
}
