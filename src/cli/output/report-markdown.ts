import { formatDuration } from '../../core/duration.ts';
import { capital, unfinished } from '../../core/plan-words.ts';
import type { AnyReport } from '../../core/report.ts';
import { safe } from '../../core/safe-text.ts';

const FAILURES_SHOWN = 20;

/**
 * A report for the page of a CI job: one table, and the failures. Names and reasons are a broker's text, so nothing in
 * them is markup.
 */
export function reportMarkdown(report: AnyReport): string {
  const { operation, from, to, dryRun, failures, complete } = report;
  const route = to.length === 0 ? code(from) : `${code(from)} → ${to.map(code).join(', ')}`;
  const done = dryRun ? 'Would do' : 'Done';
  const cells: readonly (readonly [string, string])[] = [
    ['Matched', count(report.matched)],
    [done, count(report.moved)],
    ['Skipped', count(report.skipped)],
    ['Failed', count(report.failed)],
    ['Uncertain', count(report.unknown)],
    ['Left', count(report.left)],
    ['Took', formatDuration(report.durationMs)],
  ];
  const lines = [
    `### ${operation} ${route}${dryRun ? ' (dry run)' : ''}`,
    '',
    `| ${cells.map(([heading]) => heading).join(' | ')} |`,
    `|${cells.map(() => ' ---: |').join('')}`,
    `| ${cells.map(([, value]) => value).join(' | ')} |`,
    '',
    ...failures
      .slice(0, FAILURES_SHOWN)
      .map(({ id, reason }) => `- ${id === null ? 'a message' : code(id)}: ${text(reason)}`),
    ...(failures.length > FAILURES_SHOWN ? [`- and ${failures.length - FAILURES_SHOWN} more`] : []),
    ...(complete ? [] : ['', `${capital(unfinished(report))}.`]),
  ];
  return `${lines.join('\n').trimEnd()}\n\n`;
}

/** Shows unknown and none differently. */
function count(value: number | null): string {
  return value === null ? '?' : `${value}`;
}

function text(raw: string): string {
  return safe(raw).replace(/[\\`*_{}[\]<>()#+!|~&@$-]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

function code(raw: string): string {
  return `<code>${text(raw)}</code>`;
}
