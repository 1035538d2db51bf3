import type { Plan } from './plan.ts';
import type { AnyReport, Operation } from './report.ts';

const DONE: Readonly<Record<Operation, string>> = {
  redrive: 'redrove',
  move: 'moved',
  copy: 'copied',
  purge: 'purged',
  drain: 'drained',
};

/** `redrive from orders-dlq to orders: …`, for people who want to follow. */
export function planSentence(plan: Plan): string {
  return `${plan.operation} ${route(plan)}: ${plan.effect}`;
}

/**
 * A report in one sentence. `duration`: how long it took, in words; null: not said. `command`: the target is the
 * command that `drain --exec` ran.
 */
export function reportSentence(report: AnyReport, duration: string | null = null, command = false): string {
  const { operation, moved, matched, skipped, failed, unknown, left, complete } = report;
  // A command may fail the same message again and again, so this counts deliveries, not messages.
  const whole = moved === matched || command;
  const many = moved === null ? 'an unknown number of' : whole ? `${moved}` : `${moved} of ${matched}`;
  const details = [
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(failed > 0
      ? [command ? `${failed} failed ${failed === 1 ? 'delivery' : 'deliveries'}` : `${failed} failed`]
      : []),
    ...(unknown > 0
      ? [`${unknown} uncertain: each may ${operation === 'purge' ? 'still be there' : 'be in both places'}`]
      : []),
    // Messages that were not looked at before the end are in no count.
    ...(left > 0 ? [complete ? `${left} left` : `${left} of those seen left`] : []),
    ...(duration === null || report.dryRun ? [] : [duration]),
    ...(complete ? [] : [unfinished(report)]),
  ];
  const verb = report.dryRun ? `dry run: would ${operation}` : DONE[operation];
  const noun = (command ? moved : matched) === 1 ? 'message' : 'messages';
  const way = command ? `from ${report.from} with ${report.to.join(', ')}` : route(report);
  return `${verb} ${many} ${noun} ${way}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}

/** What an incomplete report means for another run. `report.complete` must be false. */
export function unfinished({ operation, moved, unknown }: AnyReport): string {
  if (operation === 'copy' && moved !== 0) return 'not finished; another run copies these once more';
  if (unknown > 0 && operation !== 'purge')
    return 'not finished; another run may send those that are uncertain once more';
  return 'not finished; running it again is safe';
}

/** From where to where: `from orders-dlq to orders`. */
export function route({ operation, from, to }: Pick<AnyReport, 'operation' | 'from' | 'to'>): string {
  if (to.length === 0 && operation === 'redrive') return `from ${from} to the queues that they name`;
  if (to.length === 0) return `in ${from}`;
  // A redrive goes from the dead letters of a queue to the queue. In any other verb, the same name twice means two
  // brokers.
  const elsewhere = operation !== 'redrive' && to.length === 1 && to[0] === from ? ' on the other broker' : '';
  return `from ${from} to ${to.join(', ')}${elsewhere}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
