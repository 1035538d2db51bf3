import { Option } from 'commander';
import { MqError } from '../../contract/errors.ts';
import { planDrain } from '../../core/drain.ts';
import { EXIT, exitOf } from '../../core/exit-codes.ts';
import type { AnyReport } from '../../core/report.ts';
import type { SelectionOptions } from '../../core/selection.ts';

import { type DrainTo, type OpenDestination, openDrainDestination } from '../drain/drain-destination.ts';
import type { Distrust } from '../drain/exec-trust.ts';
import { rate, wait, wholeNumber } from '../line/globals.ts';
import type { Session } from '../session/session.ts';
import { printReport, sayReport, workPlan } from '../transfer/run-plan.ts';
import { addSelectionOptions, FORCE, type SelectionFlags, selectionFrom } from '../transfer/selection-flags.ts';
import { defineVerb, word } from '../verb.ts';

const STATES = ['ready', 'dead'] as const;
type DrainState = (typeof STATES)[number];

interface DrainFlags extends SelectionFlags {
  readonly to?: string;
  readonly exec?: string;
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly max?: number;
  readonly state?: DrainState;
  readonly dead?: boolean;
  readonly follow?: boolean;
  readonly idle?: number;
  readonly rate?: number;
  readonly null?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface DrainVerbOptions {
  readonly queue: string;
  readonly to: DrainTo;
  /** The number of commands at once, with `--exec`. */
  readonly jobs: number;
  readonly max: number | null;
  readonly state: DrainState;
  readonly selection: SelectionOptions;
  readonly follow: boolean;
  readonly idleMs: number | null;
  readonly ratePerSec: number | null;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export const drain = defineVerb<DrainFlags, DrainVerbOptions>({
  effect:
    'Takes messages out. A message leaves the queue only after it is written, or after its command has ended with 0. Does not ask. ' +
    'When a command fails, its message comes again as often as the queue allows. A queue that counts no deliveries gives it once; with --follow and ' +
    'without --idle, again and again. From the 20th attempt on, there is a pause of 1 to 30 seconds before the next one. Drain stops, and gives back ' +
    'what it has, when the command cannot be run (exit 126 or 127), or when the first ten deliveries, of two messages or more, have all failed ' +
    '(--keep-going goes on).',
  examples: ['mq drain orders --to orders.ndjson', 'mq drain jobs --exec ./worker.sh -j 4 --follow'],
  declare(command) {
    command
      .argument('<queue>', 'the queue')
      .optionsGroup('Where to (stdout without these; NDJSON envelopes unless -o says otherwise):')
      .option('--to <file>', 'append to this file, synced to the disk before a message leaves the queue; - is stdout')
      .option(
        '--exec <command>',
        'run by sh for each message: body on stdin, MQ_ID, MQ_QUEUE, MQ_RECEIVE_COUNT, MQ_HEADERS, MQ_HEADER_<NAME> … set',
      )
      .option('-j, --jobs <n>', 'with --exec: maximum number of commands at once', wholeNumber(1))
      .option('--keep-going', 'with --exec: go on even if the first ten deliveries have all failed')
      .option('--null', 'with -o body: a NUL between bodies instead of a newline');
    addSelectionOptions(command);
    command
      .option('-n, --max <n>', 'maximum number of messages', wholeNumber(1))
      .addOption(new Option('--state <state>', 'which messages; ready without it').choices(STATES))
      .option('--dead', 'the same as --state dead')
      .optionsGroup('How:')
      .option('--follow', 'wait for more when the queue is empty')
      .addOption(
        new Option('--idle <duration>', 'wait for more, and end after this long without a message').argParser(wait),
      )
      .option('--rate <rate>', 'evenly paced: 50/s, 10/m', rate)
      .option('--force', FORCE)
      .option('--dry-run', 'count what would be taken, and take nothing');
  },
  async parse([queue], flags, session) {
    const { to, exec, jobs } = flags;
    if (to !== undefined && exec !== undefined) throw new MqError('USAGE', '--to and --exec contradict each other');
    if (jobs !== undefined && exec === undefined) throw new MqError('USAGE', '--jobs needs --exec');
    if (flags.keepGoing === true && exec === undefined) throw new MqError('USAGE', '--keep-going needs --exec');
    if (flags.dead === true && flags.state === 'ready')
      throw new MqError('USAGE', '--dead and --state ready contradict each other');
    if (flags.null === true && session.globals.output !== 'body') throw new MqError('USAGE', '--null needs -o body');
    return {
      queue: word(queue),
      to: drainTo(flags),
      jobs: jobs ?? 1,
      max: flags.max ?? null,
      state: flags.dead === true ? 'dead' : (flags.state ?? 'ready'),
      selection: await selectionFrom(flags),
      follow: flags.follow === true || flags.idle !== undefined,
      idleMs: flags.idle ?? null,
      ratePerSec: flags.rate ?? null,
      force: flags.force ?? false,
      dryRun: flags.dryRun ?? false,
    };
  },
  async run(options, session) {
    const { to, jobs, max, state, selection, follow, idleMs, ratePerSec, force, dryRun } = options;
    // A dry run gives a report and no messages.
    if (to.place === 'stdout' && !dryRun) session.format('ndjson', 'json', 'yaml', 'text', 'body');
    else session.format('table', 'json', 'ndjson', 'yaml');
    return session.withBroker(async (broker) => {
      const queue = await session.within('drain', (signal) => broker.queue(options.queue, signal));
      // Opened after the planning, which may still refuse: then no file should have been created.
      let opened: OpenDestination | null = null;
      const destination = (): OpenDestination => {
        if (opened === null) throw new MqError('INTERNAL', 'the work began before its destination was opened');
        return opened;
      };
      const worker = to.place === 'command' ? { jobs } : null;
      const plan = await session.within('drain', (signal) =>
        planDrain({
          ...selection,
          ...{
            broker,
            queue,
            state,
            destination,
            destinationName: nameOf(to),
            worker,
            follow,
            idleMs,
            max,
            ratePerSec,
            force,
          },
          ...{ notice: session.notice, signal },
        }),
      );
      if (dryRun) {
        const report = await workPlan(session, plan, true);
        await printReport(session, report);
        return exitOf(report);
      }
      opened = await openDrainDestination(session, to);
      try {
        const report = await workPlan(session, plan, false);
        // A reader that closed the pipe has what it wanted. Messages that were not written are still in the queue.
        if (session.host.stopCause() === 'stdout-closed') return EXIT.done;
        if (session.host.stopCause() === 'stdout-failed') {
          // All of them have one reason, which is told at the end.
          sayReport(session, report, 'said');
          return report.moved === 0 ? EXIT.failed : EXIT.partly;
        }
        const stopped = opened.stopped?.() ?? null;
        if (stopped !== null) sayStopped(session, stopped, report);
        if (to.place === 'stdout') sayReport(session, report);
        else await printReport(session, report, worker === null ? 'say' : 'command');
        return exitOf(report);
      } finally {
        await opened.close();
      }
    });
  },
});

function drainTo({ to: file, exec: command, keepGoing, null: isNull }: DrainFlags): DrainTo {
  if (file !== undefined && file !== '-') return { place: 'file', path: file };
  if (command !== undefined) return { place: 'command', command, keepGoing: keepGoing === true };
  return { place: 'stdout', separator: isNull === true ? '\0' : '\n' };
}

/** Throws `USAGE` if the command could not be run at all: nothing was attempted. */
function sayStopped(session: Session, stopped: Distrust, report: AnyReport): void {
  const hint = stopped.cannotRun
    ? 'what was not done is still in the queue, with the deliveries that it had'
    : 'what was not done is still in the queue; --keep-going goes on after any failure';
  if (stopped.cannotRun && report.moved === 0 && report.failed === 0)
    throw new MqError('USAGE', stopped.reason, { hint });
  session.messages.error(new MqError('PRECONDITION_FAILED', `stopped: ${stopped.reason}`, { hint }));
}

function nameOf(to: DrainTo): string {
  switch (to.place) {
    case 'file':
      return to.path;
    case 'command':
      return to.command;
    case 'stdout':
      return 'stdout';
  }
}
