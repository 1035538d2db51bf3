import type { Settings } from '../../config/load.ts';
import { findContext, type Target } from '../../config/target.ts';
import type { Check } from '../../contract/broker.ts';
import { counted } from '../../core/counted.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { safe } from '../../core/safe-text.ts';
import { checkBroker } from '../doctor/broker-checks.ts';
import { checkOwn, failedBy } from '../doctor/own-checks.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import type { Session } from '../session/session.ts';
import { defineVerb } from '../verb.ts';

interface DoctorFlags {
  readonly all?: boolean;
  readonly queue?: string;
}

export interface DoctorOptions {
  /** Every context, not only the current one. */
  readonly all: boolean;
  /** The queue whose rights are checked, if rights are per queue; null: the context's own queue, else any. */
  readonly queue: string | null;
}

interface Finding extends Check {
  /** `mq` itself, or the subject of the check: a context's name, a URL's source. */
  readonly about: string;
}

const MARKS: Readonly<Record<Check['status'], string>> = { ok: 'ok', warning: 'WARN', failed: 'FAIL', skipped: 'skip' };

export const doctor = defineVerb<DoctorFlags, DoctorOptions>({
  effect:
    'Only reads: checks versions, configuration, reachability, encryption and permissions, and goes on after a failure.',
  examples: ['mq doctor', 'mq doctor --queue orders', 'mq doctor --all -o json'],
  declare(command) {
    command
      .option('--all', 'check every context, not only the one in use')
      .option('--queue <queue>', 'ask about the rights on this queue, where they are per queue');
  },
  parse(_operands, flags) {
    return { all: flags.all ?? false, queue: flags.queue ?? null };
  },
  async run({ all, queue }, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const { stdout } = session.host;
    const sequence = isDocumentFormat(format) ? await openSequence(session, format) : null;
    const totals = { ok: 0, warning: 0, failed: 0, skipped: 0 };
    const say = async (about: string, check: Check): Promise<void> => {
      totals[check.status]++;
      const detail = session.secrets.redact(check.detail);
      const hint = check.hint === null ? null : session.secrets.redact(check.hint);
      const finding: Finding = { about, name: check.name, status: check.status, detail, hint };
      if (sequence !== null) return sequence.item(finding);
      const lines = [`${MARKS[check.status].padEnd(4)}  ${safe(about)}: ${check.name}: ${safe(detail)}`];
      if (hint !== null) lines.push(`      hint: ${safe(hint)}`);
      await stdout.write(`${lines.join('\n')}\n`);
    };

    try {
      const own = await checkOwn(session.host, session.settings);
      for (const check of own.checks) await say('mq', check);
      if (own.settings !== null) {
        const informed = session.withSettings(own.settings);
        for (const { about, target } of targetsOf(informed, own.settings, all)) {
          if (session.signal.aborted) break;
          if (target instanceof Error) await say(about, failedBy('context', target));
          else for await (const check of checkBroker(informed, target, queue)) await say(about, check);
        }
      }
    } finally {
      await sequence?.end();
    }
    const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} not known`;
    session.messages.summary(
      `${totals.ok} ok, ${counted(totals.warning, 'warning')}, ${totals.failed} failed${skipped}`,
    );
    return totals.failed === 0 ? EXIT.done : EXIT.failed;
  },
});

interface Named {
  readonly about: string;
  readonly target: Target | Error;
}

function targetsOf(session: Session, settings: Settings, all: boolean): readonly Named[] {
  const attempt = (about: string, make: () => Target): Named => {
    try {
      const target = make();
      return { about: target.context ?? about, target };
    } catch (error) {
      if (error instanceof Error) return { about, target: error };
      throw error;
    }
  };
  if (!all) return [attempt(session.globals.url === undefined ? 'broker' : '--url', () => session.target())];
  return [...settings.configuration.contexts.keys()].map((name) =>
    attempt(name, () => session.target(`@${findContext(settings, name).name}`)),
  );
}
