import { formatDuration } from '../../core/duration.ts';
import type { BrokerView } from '../state/rows.ts';
import { shownBrokers, shownNow, type TopState } from '../state/state.ts';
import { type Line, line } from './line.ts';
import { cut, widthOf, wrapped } from './padding.ts';
import { safe } from './safe.ts';
import { glyphsOf, paint, paintLabel, type Theme } from './theme.ts';

/**
 * How far each broker can be trusted; problems come first. If there is not enough room, every broker is still named,
 * and the reasons are shortened.
 */
export function brokersLine(state: TopState, width: number, theme: Theme): Line {
  const { ellipsis } = glyphsOf(theme);
  const brokers = byTrouble(state);
  const texts = textsOf(brokers, state);
  const tries = [
    texts.map(({ whole }) => whole),
    shortButReasons(texts),
    withShortReasons(texts, width, between(theme), ellipsis),
    onlyTrouble(texts),
  ].map((parts) => parts.join(between(theme)));
  const text = tries.find((one) => widthOf(one) <= width) ?? tries.at(-1) ?? '';
  const stale = brokers.some(({ condition }) => condition.state === 'stale');
  const shown = cut(text, width, ellipsis);
  // A single context has no column of its own that could show its colour.
  const [only, ...others] = brokers;
  const color = others.length > 0 || only === undefined ? undefined : state.contexts.get(only.context)?.color;
  if (!stale && color !== undefined) return line(paintLabel(theme, color, shown));
  return line(paint(theme, stale ? 'alarm' : 'faint', shown));
}

function between(theme: Theme): string {
  return ` ${glyphsOf(theme).dot} `;
}

function shortButReasons(texts: readonly ConditionText[]): readonly string[] {
  return texts.map(({ whole, short, reason }) => (reason === '' ? short : whole));
}

/** The whole text that was too long for that line, for the space that the rows leave. Empty if nothing was too long. */
export function wholeReasons(state: TopState, width: number, theme: Theme): readonly Line[] {
  const texts = textsOf(byTrouble(state), state);
  if (widthOf(shortButReasons(texts).join(between(theme))) <= width) return [];
  return texts
    .filter(({ reason }) => reason !== '')
    .flatMap(({ whole }) => ['', ...wrapped(whole, width)])
    .map(line);
}

function byTrouble(state: TopState): readonly BrokerView[] {
  return [...shownBrokers(state).values()].toSorted((a, b) => trouble(b) - trouble(a));
}

function textsOf(brokers: readonly BrokerView[], state: TopState): readonly ConditionText[] {
  const now = shownNow(state);
  return brokers.map((broker) => conditionOf(broker, now));
}

function trouble({ condition, notices }: BrokerView): number {
  return condition.state === 'stale' ? 3 : condition.state === 'connecting' ? 2 : notices.length > 0 ? 1 : 0;
}

interface ConditionText {
  readonly whole: string;
  readonly short: string;
  /** The problem; empty: none. */
  readonly reason: string;
  readonly isFresh: boolean;
}

function conditionOf({ context, broker, condition, tookMs, notices }: BrokerView, now: number): ConditionText {
  const short = safe(context);
  const name = broker === null ? short : safe(`${context} (${broker})`);
  if (condition.state === 'connecting')
    return { whole: `${name} connecting`, short: `${short} connecting`, reason: '', isFresh: false };
  if (condition.state === 'fresh') {
    const reason = safe(notices[0] ?? '');
    const took = tookMs === null ? '' : ` ${formatDuration(tookMs)}`;
    return {
      whole: `${name} ok${took}${reason === '' ? '' : `: ${reason}`}`,
      short: `${short} ok`,
      reason,
      isFresh: true,
    };
  }
  const { since, retryAt } = condition;
  const age = since === null ? 'never answered' : formatDuration(Math.max(0, now - since));
  const retry = retryAt === null || retryAt <= now ? '' : `; next try in ${formatDuration(retryAt - now)}`;
  const reason = safe(condition.reason);
  return { whole: `${name} STALE ${age}: ${reason}${retry}`, short: `${short} STALE ${age}`, reason, isFresh: false };
}

/** A reason in fewer cells is useless. */
const REASON_LEAST = 8;

function withShortReasons(
  texts: readonly ConditionText[],
  width: number,
  gap: string,
  ellipsis: string,
): readonly string[] {
  const reasons = texts.filter(({ reason }) => reason !== '').length;
  const room = width - widthOf(texts.map(({ short }) => short).join(gap));
  const each = Math.floor(room / Math.max(1, reasons)) - ': '.length;
  return texts.map(({ short, reason }) =>
    reason === '' || each < REASON_LEAST ? short : `${short}: ${cut(reason, each, ellipsis)}`,
  );
}

/** Brokers that answer are only counted. */
function onlyTrouble(texts: readonly ConditionText[]): readonly string[] {
  const fresh = texts.filter(({ isFresh }) => isFresh).length;
  return [
    ...texts.filter(({ isFresh }) => !isFresh).map(({ short }) => short),
    ...(fresh === 0 ? [] : [`${fresh} ok`]),
  ];
}

/** How old the shown figures of a broker are, if they are not fresh; null if they are. */
export function staleAge(broker: BrokerView | undefined, now: number): string | null {
  if (broker?.condition.state !== 'stale') return null;
  return broker.condition.since === null
    ? 'stale'
    : `stale ${formatDuration(Math.max(0, now - broker.condition.since))}`;
}
