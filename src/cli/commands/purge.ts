import { Option } from 'commander';
import { MqError } from '../../contract/errors.ts';
import { EXIT, type ExitCode, exitOf } from '../../core/exit-codes.ts';
import type { Plan } from '../../core/plan.ts';
import { planPurge } from '../../core/purge.ts';
import type { SelectionOptions } from '../../core/selection.ts';
import { MessageFile } from '../drain/message-file.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { requireSomebodyToAsk } from '../session/asking.ts';
import type { Session } from '../session/session.ts';
import { confirmPlan, printMarkdown, printReport, reportFormat, sayReport, workPlan } from '../transfer/run-plan.ts';
import { addSelectionOptions, FORCE, type SelectionFlags, selectionFrom } from '../transfer/selection-flags.ts';
import { defineVerb, words } from '../verb.ts';

const STATES = ['ready', 'delayed', 'dead', 'all'] as const;
type PurgeState = (typeof STATES)[number];

interface PurgeFlags extends SelectionFlags {
  readonly state?: PurgeState;
  readonly dead?: boolean;
  readonly backup?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface PurgeVerbOptions {
  readonly queues: readonly string[];
  readonly state: PurgeState;
  readonly selection: SelectionOptions;
  /** Null: no copy is kept. */
  readonly backup: string | null;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export const purge = defineVerb<PurgeFlags, PurgeVerbOptions>({
  effect: "Deletes messages and keeps the queue. Asks for the queue's name unless --yes is given.",
  examples: ['mq purge orders --dead --older-than 7d --backup dead.ndjson', 'mq purge orders --state all --dry-run'],
  declare(command) {
    command
      .argument('<queue...>', 'the queues')
      .addOption(new Option('--state <state>', 'which messages; ready without it').choices(STATES))
      .option('--dead', 'the same as --state dead');
    addSelectionOptions(command);
    command
      .optionsGroup('How:')
      .option('--backup <file>', 'append each message to this file before it is deleted')
      .option('--force', FORCE)
      .option('--dry-run', 'count what would be deleted, and change nothing');
  },
  async parse([queues], flags, session) {
    reportFormat(session);
    if (flags.dead === true && flags.state !== undefined && flags.state !== 'dead') {
      throw new MqError('USAGE', `--dead and --state ${flags.state} contradict each other`);
    }
    if (new Set(words(queues)).size !== words(queues).length) throw new MqError('USAGE', 'a queue is named twice');
    if (flags.dryRun !== true) requireSomebodyToAsk(session);
    return {
      queues: words(queues),
      state: flags.dead === true ? 'dead' : (flags.state ?? 'ready'),
      selection: await selectionFrom(flags),
      backup: backupFile(flags.backup),
      force: flags.force ?? false,
      dryRun: flags.dryRun ?? false,
    };
  },
  async run(options, session) {
    const keepsBackup = options.backup !== null && !options.dryRun;
    const backup = keepsBackup ? await openBackup(options.backup ?? '', session) : null;
    try {
      return await session.withBroker(async (broker) => {
        // Every queue is checked and confirmed before the first one is touched.
        const plans: Plan[] = [];
        for (const name of options.queues) {
          const plan = await session.within('purge', async (signal) => {
            const queue = await broker.queue(name, signal);
            const { state, force, selection } = options;
            const { notice } = session;
            return planPurge({ ...selection, broker, queue, state, backup, force, signal, notice });
          });
          if (!options.dryRun) {
            await confirmPlan(session, broker, plan, { asking: 'type-name', selection: options.selection, max: null });
          }
          plans.push(plan);
        }
        const [only, ...others] = plans;
        if (only !== undefined && others.length === 0) {
          const report = await workPlan(session, only, options.dryRun);
          await printReport(session, report);
          return exitOf(report);
        }
        const format = reportFormat(session);
        const sequence = isDocumentFormat(format) ? await openSequence(session, format) : null;
        let code: ExitCode = EXIT.done;
        for (const plan of plans) {
          if (session.signal.aborted) break;
          const report = await workPlan(session, plan, options.dryRun);
          sayReport(session, report);
          await sequence?.item(report);
          if (format === 'markdown') await printMarkdown(session, report);
          if (exitOf(report) !== EXIT.done) code = exitOf(report);
        }
        await sequence?.end();
        return code;
      });
    } finally {
      await backup?.close();
    }
  },
});

/** Purged messages are gone: only a file keeps them. */
async function openBackup(path: string, session: Session): Promise<MessageFile> {
  const file = await MessageFile.open(path, session.notice);
  if (file.isFile) return file;
  await file.close();
  throw new MqError('PRECONDITION_FAILED', `${path} is not a file, and a backup must be one`, {
    hint: 'to hand the messages to a program: mq drain QUEUE --to PATH',
  });
}

/** The output of stdout may never reach a disk. */
function backupFile(path: string | undefined): string | null {
  if (path !== '-') return path ?? null;
  throw new MqError('USAGE', 'a backup must be a file, and - is stdout', {
    hint: 'mq drain writes to stdout; a file of that name is ./-',
  });
}
