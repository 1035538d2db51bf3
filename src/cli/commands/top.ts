import { open, readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { History } from '../../change/history.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { formatDuration } from '../../core/duration.ts';
import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import { isGlob, queuePattern } from '../../core/name-pattern.ts';
import { systemClock } from '../../core/rate-limit.ts';
import {
  headingLine,
  parseRecording,
  type Recording,
  recordedTime,
  replayed,
  snapshotLine,
} from '../../feed/recording.ts';
import type { Snapshot } from '../../feed/snapshot.ts';
import { snapshotsOf, untilComplete } from '../../feed/until-complete.ts';
import { frameText, stateAfter } from '../../top/still.ts';
import type { Theme } from '../../top/text/theme.ts';
import { contextsOf, recordedBroker, type WatchedBroker } from '../../top/watched.ts';
import { fileError } from '../host/file-error.ts';
import { wait } from '../line/globals.ts';
import { openSequence } from '../output/documents.ts';
import { statsDocument } from '../output/stats-view.ts';
import type { Session } from '../session/session.ts';
import { defineVerb, words } from '../verb.ts';
import { watchedBrokers } from '../watching/watched-brokers.ts';

interface TopFlags {
  readonly once?: true;
  readonly interval?: number;
  readonly record?: string;
  readonly replay?: string;
}

export interface TopOptions {
  readonly globs: readonly string[];
  readonly once: boolean;
  /** Null: nobody has chosen it. */
  readonly chosenMs: number | null;
  readonly record: string | null;
  readonly replay: string | null;
}

/** The width of a frame if no terminal gives one. */
const FRAME_COLUMNS = 120;
const USUAL_INTERVAL_MS = 2_000;
const LEAST_INTERVAL_MS = 50;

export const top = defineVerb<TopFlags, TopOptions>({
  effect: 'Only reads, until an action is chosen in the view: then it asks as the verb of that action does.',
  examples: ['mq top -c prod -c jobs', "mq top 'orders*' --once"],
  declare(command) {
    command
      .argument('[glob...]', 'queues or globs; all without it')
      .option('--once', 'print one frame')
      .addOption(
        new Option(
          '--interval <duration>',
          'between two readings (default: 2s, and more where requests are billed, so that they stay at 20 a second)',
        ).argParser(wait),
      )
      .option('--record <file>', 'keep every reading in a file')
      .option('--replay <file>', 'show a recorded file instead of a broker');
  },
  parse([globs], flags, session) {
    session.format('table', 'ndjson');
    if (flags.interval !== undefined && flags.interval < LEAST_INTERVAL_MS) {
      throw new MqError('USAGE', `--interval is at least ${LEAST_INTERVAL_MS}ms`);
    }
    if (flags.record !== undefined && flags.replay !== undefined) {
      throw new MqError('USAGE', '--record and --replay exclude each other');
    }
    return {
      globs: words(globs),
      once: flags.once ?? false,
      chosenMs: flags.interval ?? null,
      record: flags.record ?? null,
      replay: flags.replay ?? null,
    };
  },
  async run(options, session) {
    const intervalMs = options.chosenMs ?? USUAL_INTERVAL_MS;
    const base = queuePattern(options.globs.filter(isGlob));
    const literals = new Set(options.globs);
    const matches = (name: string): boolean =>
      literals.size === 0 || literals.has(name) || (base.globs.length > 0 && base.matches(name));
    const recording = options.replay === null ? null : await readRecording(options.replay, matches);
    const brokers = recording === null ? await watchedBrokers(session) : recording.contexts.map(recordedBroker);
    const common = {
      sources: brokers,
      pattern: { globs: options.globs, matches },
      intervalMs,
      timeoutMs: session.globals.timeout,
      clock: systemClock,
      now: () => session.host.now(),
      redact: (text: string) => session.secrets.redact(text),
      signal: session.signal,
    };
    const recorder = options.record === null ? null : await startRecording(options.record, brokers);
    const record = recorder?.record ?? null;
    try {
      if (session.format('table', 'ndjson') === 'ndjson') {
        const source = options.once ? untilComplete(common) : snapshotsOf(common);
        const { code, last } = await stream(recording?.snapshots ?? source, session, options.once, record);
        if (options.once) requireAll(options.globs, brokers, last);
        return code;
      }
      const theme = themeOf(session);
      const terminal = options.once ? null : session.host.terminal();
      if (terminal === null || session.host.env.TERM === 'dumb') {
        const source = recording?.snapshots ?? untilComplete(common);
        const kept: Snapshot[] = [];
        for await (const snapshot of source) {
          kept.push(snapshot);
          await record?.(snapshot);
        }
        const contexts = contextsOf(brokers);
        const { globs } = options;
        // In a recording, ages are those at its end, not at today's time.
        const now = recording === null ? session.host.now() : (recording.snapshots.at(-1)?.at ?? 0);
        const state = stateAfter(kept, { now, intervalMs, contexts, globs, isReplay: recording !== null });
        const { isTerminal, columns } = session.host.stdout;
        await session.host.stdout.write(frameText(state, theme, isTerminal ? columns - 1 : FRAME_COLUMNS));
        const answered = kept.filter(({ queues }) => queues !== null);
        requireAll(options.globs, brokers, new Map(answered.map((one) => [one.context, one])));
        return exitFor([...state.brokers.values()].map(({ sampledAt }) => sampledAt));
      }
      const replay = recording === null ? null : replayed(recording.snapshots, systemClock, session.signal);
      const { runLive } = await import('../../top/live.ts');
      const now = recording === null ? common.now : recordedTime(recording.snapshots, systemClock);
      const history = new History(session.settings.places, session.secrets);
      const settling = (action: string): void =>
        session.messages.note(
          `${action} is stopping: what is in the air is settled first; Ctrl-C twice ends it at once`,
        );
      const end = await runLive({
        ...common,
        mayGrow: options.chosenMs === null,
        brokers,
        history,
        now,
        theme,
        terminal,
        replay,
        record,
        settling,
      });
      for (const line of end.report?.lines ?? []) session.messages.summary(line);
      return end.report?.failed ? EXIT.partly : EXIT.done;
    } finally {
      await recorder?.close();
    }
  },
});

/** A frame without an answer from any broker is not a success. */
function exitFor(sampled: readonly (number | null)[]): ExitCode {
  return sampled.some((at) => at !== null) ? EXIT.done : EXIT.unavailable;
}

/**
 * A named queue that no broker knows is an error, as with every verb. The error waits until all of them have answered:
 * the queue may be on a broker that has not.
 */
function requireAll(
  globs: readonly string[],
  brokers: readonly WatchedBroker[],
  answers: ReadonlyMap<string, Snapshot>,
): void {
  if (!brokers.every(({ context }) => answers.has(context))) return;
  const found = new Set([...answers.values()].flatMap(({ queues }) => queues?.map(({ queue }) => queue) ?? []));
  const missing = globs.find((glob) => !isGlob(glob) && !found.has(glob));
  if (missing !== undefined) throw new MqError('QUEUE_NOT_FOUND', `no queue ${missing}`, { queue: missing });
}

async function stream(
  snapshots: AsyncIterable<Snapshot> | Iterable<Snapshot>,
  session: Session,
  once: boolean,
  record: ((snapshot: Snapshot) => Promise<void>) | null,
): Promise<{ readonly code: ExitCode; readonly last: ReadonlyMap<string, Snapshot> }> {
  const sequence = await openSequence(session, 'ndjson');
  const last = new Map<string, Snapshot>();
  let answered = false;
  const print = async ({ queues, context }: Snapshot): Promise<void> => {
    for (const stats of queues ?? []) await sequence.item(statsDocument(stats, context));
  };
  for await (const snapshot of snapshots) {
    await record?.(snapshot);
    const { at, condition, context, queues } = snapshot;
    if (condition.state === 'stale') {
      const { reason, since } = condition;
      // How old the figures are by the time they are printed.
      const age = since === null ? '' : `; its last figures are ${formatDuration(Math.max(0, at - since))} old`;
      session.messages.note(`${context}: ${reason}${age}`);
    }
    if (queues === null) continue;
    answered = true;
    last.set(context, snapshot);
    if (!once) await print(snapshot);
  }
  // For one frame, each broker's last reading: the first was taken only for the rates of the second.
  if (once) for (const snapshot of last.values()) await print(snapshot);
  await sequence.end();
  return { code: answered ? EXIT.done : EXIT.unavailable, last };
}

function themeOf(session: Session): Theme {
  const { env } = session.host;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const isUtf8 = locale === '' || /utf-?8/i.test(locale);
  const isDumb = env.TERM === 'dumb';
  const { color } = session.globals;
  const isColored = color === 'always' || (color === 'auto' && session.host.stdout.hasColor);
  return { color: isColored, unicode: isUtf8 && !isDumb };
}

async function readRecording(path: string, matches: (queue: string) => boolean): Promise<Recording> {
  try {
    const { contexts, snapshots } = parseRecording(await readFile(path, 'utf8'));
    const passing = (queues: Snapshot['queues']) => queues?.filter(({ queue }) => matches(queue)) ?? null;
    return { contexts, snapshots: snapshots.map((one) => ({ ...one, queues: passing(one.queues) })) };
  } catch (error) {
    if (isMqError(error)) throw error;
    throw new MqError('USAGE', `cannot read ${path}`);
  }
}

interface Recorder {
  record(snapshot: Snapshot): Promise<void>;
  close(): Promise<void>;
}

/** Queue names and depths are private: only the owner can read the file. An existing file is refused. */
async function startRecording(path: string, brokers: readonly WatchedBroker[]): Promise<Recorder> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(headingLine(brokers.map(({ context }) => context)));
    return {
      async record(snapshot) {
        try {
          await file.appendFile(snapshotLine(snapshot));
        } catch (error) {
          throw fileError(path, 'cannot be written', error);
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new MqError(exists ? 'ALREADY_EXISTS' : 'PRECONDITION_FAILED', `cannot record to ${path}`, {
      hint: exists ? 'the file is there already; give another name' : undefined,
    });
  }
}
