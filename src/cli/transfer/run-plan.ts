import { faultLines } from '../../change/fault-lines.ts';
import type { Policy } from '../../change/guard.ts';
import { planQuestion, selectionLines } from '../../change/plan-question.ts';
import { paced, progressText } from '../../change/progress.ts';
import type { Broker } from '../../contract/broker.ts';
import { formatDuration } from '../../core/duration.ts';
import { type ExitCode, exitOf } from '../../core/exit-codes.ts';
import type { Plan } from '../../core/plan.ts';
import { planSentence, reportSentence } from '../../core/plan-words.ts';
import type { AnyReport } from '../../core/report.ts';
import type { SelectionOptions } from '../../core/selection.ts';
import { type DocumentFormat, isDocumentFormat, printDocument } from '../output/documents.ts';
import { confirm } from '../session/asking.ts';
import type { Session } from '../session/session.ts';

/** `ask`: y or n. `type-name`: the queue's name must be typed. `none`: no question. */
export type Asking = 'ask' | 'type-name' | 'none';

export interface RunPlanOptions {
  readonly dryRun: boolean;
  readonly asking: Asking;
  /** The lines of the question about the selected messages. */
  readonly selection: SelectionOptions;
  readonly max: number | null;
  /** Another context, whose queue gets the messages. */
  readonly elsewhere?: Policy | null;
}

/** Says what a plan will do, and asks if required. Throws `CANCELLED` or `CONFIRMATION_REQUIRED`. */
export async function confirmPlan(
  session: Session,
  broker: Broker,
  plan: Plan,
  { asking, selection, max, elsewhere = null }: Omit<RunPlanOptions, 'dryRun'>,
): Promise<void> {
  if (asking === 'none') return;
  await confirm(session, {
    lines: [...planQuestion(plan, broker, max), ...selectionLines(selection)],
    typed: asking === 'type-name' ? plan.from : null,
    about: plan.from,
    elsewhere,
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

/** Only works, with a line of progress. */
export async function workPlan(session: Session, plan: Plan, dryRun: boolean): Promise<AnyReport> {
  session.messages.verbose(1, planSentence(plan));
  try {
    return await plan.run({
      dryRun,
      onProgress: paced((progress) => session.messages.progress(progressText(progress))),
      signal: session.signal,
    });
  } finally {
    session.messages.endProgress();
  }
}

/** `said`: each fault was told when it happened. `command`: the same, and the faults are deliveries to a command. */
export type Faults = 'say' | 'said' | 'command';

/** Prints the report as data on stdout with `-o json|ndjson|yaml`, and always as a sentence on stderr. */
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

/** The report as a sentence on stderr, after the failures. */
export function sayReport(session: Session, report: AnyReport, faults: Faults = 'say'): void {
  session.change?.learnReport(report);
  if (faults === 'say') {
    for (const line of faultLines(report, '; -o json lists them')) session.messages.fault(line);
  }
  session.messages.summary(reportSentence(report, formatDuration(report.durationMs), faults === 'command'));
}

/** Call it before any work: `-o body` on a redrive is a mistake that should be told first. */
export function reportFormat(session: Session): 'table' | 'markdown' | DocumentFormat {
  return session.format('table', 'json', 'ndjson', 'yaml', 'markdown');
}
