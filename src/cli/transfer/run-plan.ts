import type { Broker } from '../../contract/broker.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Plan, Progress } from '../../core/plan.ts';
import { planQuestion, planSentence, reportSentence, selectionLines } from '../../core/plan-words.ts';
import type { AnyReport } from '../../core/report.ts';
import type { SelectionOptions } from '../../core/selection.ts';
import { confirm } from '../change/confirm.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../exit-codes.ts';
import { type DocumentFormat, isDocumentFormat, printDocument } from '../output/documents.ts';
import type { Session } from '../session.ts';

/** `ask`: y or n. `type-name`: the queue's name must be typed. `none`: not asked. */
export type Asking = 'ask' | 'type-name' | 'none';

export interface RunPlanOptions {
  readonly dryRun: boolean;
  readonly asking: Asking;
  /** What the question says of the messages that are meant. */
  readonly selection: SelectionOptions;
  readonly max: number | null;
}

/** Says what a plan will do and asks, as far as asked to. Throws `CANCELLED` or `CONFIRMATION_REQUIRED`. */
export async function confirmPlan(
  session: Session,
  broker: Broker,
  plan: Plan,
  { asking, selection, max }: Omit<RunPlanOptions, 'dryRun'>,
): Promise<void> {
  if (asking === 'none') return;
  await confirm(session, {
    lines: [...planQuestion(plan, broker, max), ...selectionLines(selection)],
    typed: asking === 'type-name' ? plan.from : null,
  });
}

/** Confirms, works with a line of progress, and prints the report. */
export async function runPlan(
  session: Session,
  broker: Broker,
  plan: Plan,
  options: RunPlanOptions,
): Promise<ExitCode> {
  if (!options.dryRun) await confirmPlan(session, broker, plan, options);
  const report = await workPlan(session, plan, options.dryRun);
  await printReport(session, report);
  return exitOf(report);
}

/** The work alone, with a line of progress. */
export async function workPlan(session: Session, plan: Plan, dryRun: boolean): Promise<AnyReport> {
  session.messages.verbose(1, planSentence(plan));
  try {
    return await plan.run({ dryRun, onProgress: progressLine(session), signal: session.signal });
  } finally {
    session.messages.endProgress();
  }
}

/** Ten times a second at most. */
const PROGRESS_INTERVAL_MS = 100;

function progressLine(session: Session): (progress: Progress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return ({ done, total, elapsedMs }) => {
    if (elapsedMs - last < PROGRESS_INTERVAL_MS) return;
    last = elapsedMs;
    const perMs = done / elapsedMs;
    const parts = [
      total === null ? `${done}` : `${done} of ${total}`,
      `${Math.round(perMs * 1000)}/s`,
      ...(total === null || done === 0 ? [] : [`${formatDuration(Math.max(0, total - done) / perMs)} left`]),
    ];
    session.messages.progress(parts.join(', '));
  };
}

/** `said`: each was told when it happened. `command`: so too, and they are deliveries to a command. */
export type Faults = 'say' | 'said' | 'command';

const FAULTS_SHOWN = 10;

/** The report as data on stdout with `-o json|ndjson|yaml`; in any case a sentence on stderr. */
export async function printReport(session: Session, report: AnyReport, faults: Faults = 'say'): Promise<void> {
  sayReport(session, report, faults);
  const format = reportFormat(session);
  if (isDocumentFormat(format)) await printDocument(session, format, report);
  if (format === 'markdown') await printMarkdown(session, report);
}

/** For the page of a CI job. */
export async function printMarkdown(session: Session, report: AnyReport): Promise<void> {
  const { reportMarkdown } = await import('../output/report-markdown.ts');
  await session.host.stdout.write(reportMarkdown(report));
}

/** The report as a sentence on stderr, after what failed. */
export function sayReport(session: Session, report: AnyReport, faults: Faults = 'say'): void {
  session.change?.learnReport(report);
  if (faults === 'say') sayFaults(session, report);
  session.messages.summary(reportSentence(report, formatDuration(report.durationMs), faults === 'command'));
}

function sayFaults(session: Session, report: AnyReport): void {
  for (const { id, reason } of report.failures.slice(0, FAULTS_SHOWN)) {
    session.messages.fault(`${id === null ? 'a message' : `message ${id}`}: ${reason}`);
  }
  if (report.failures.length > FAULTS_SHOWN) {
    session.messages.fault(`… and ${report.failures.length - FAULTS_SHOWN} more; -o json lists them`);
  }
}

/** To be called before any work, too: `-o body` on a redrive is a mistake to be told first. */
export function reportFormat(session: Session): 'table' | 'markdown' | DocumentFormat {
  return session.format('table', 'json', 'ndjson', 'yaml', 'markdown');
}

export function exitOf(report: AnyReport): ExitCode {
  if (report.code !== undefined) return exitCodeOf(report.code);
  return report.failed > 0 || report.unknown > 0 || !report.complete ? EXIT.partly : EXIT.done;
}
