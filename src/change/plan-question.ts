import { formatDuration } from '../core/duration.ts';
import type { Plan } from '../core/plan.ts';
import { capital, route } from '../core/plan-words.ts';
import type { SelectionOptions } from '../core/selection.ts';

/**
 * The question to a person before a plan is carried out. `max`: at most this many will be taken. Broker text in it is
 * not yet made safe.
 */
export function planQuestion(
  plan: Plan,
  broker: { readonly name: string; readonly address: string },
  max: number | null,
): readonly string[] {
  return [
    `${capital(plan.operation)} ${countText(plan, max)} ${route(plan)} on ${broker.name} (${broker.address})?`,
    `  ${plan.effect}.`,
  ];
}

/** Says which messages a selection takes, for the question; empty: all. */
export function selectionLines({ filter, olderThanMs, newerThanMs, maxReplays }: SelectionOptions): readonly string[] {
  return [
    ...(filter === null ? [] : [`  only those for which this is true: ${filter.text}`]),
    ...(olderThanMs === null ? [] : [`  only those older than ${formatDuration(olderThanMs)}`]),
    ...(newerThanMs === null ? [] : [`  only those newer than ${formatDuration(newerThanMs)}`]),
    ...(maxReplays === null ? [] : [`  only those that were redriven fewer than ${maxReplays} times`]),
  ];
}

function countText({ count, exact }: Plan, max: number | null): string {
  if (max !== null && (count === null || count > max)) {
    return `up to ${max}${count === null ? '' : ` of ${count}`} ${(count ?? max) === 1 ? 'message' : 'messages'}`;
  }
  if (count === null) return 'an unknown number of messages';
  return `${exact ? '' : 'up to '}${count} ${count === 1 ? 'message' : 'messages'}`;
}
