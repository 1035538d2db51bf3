import { MqError } from '../contract/errors.ts';
import type { Clock } from '../core/rate-limit.ts';
import type { Snapshot } from './snapshot.ts';

/** The first line of a recording. The other lines are snapshots. */
interface Heading {
  readonly mqTop: 1;
  readonly contexts: readonly string[];
}

export function headingLine(contexts: readonly string[]): string {
  const heading: Heading = { mqTop: 1, contexts };
  return `${JSON.stringify(heading)}\n`;
}

export function snapshotLine(snapshot: Snapshot): string {
  return `${JSON.stringify(snapshot)}\n`;
}

export interface Recording {
  readonly contexts: readonly string[];
  readonly snapshots: readonly Snapshot[];
}

/** Throws `USAGE` if the text is not a recording. A last line that was cut off (the machine went down) is left out. */
export function parseRecording(text: string): Recording {
  const lines = text.split('\n');
  const last = lines.pop();
  const [first, ...rest] = lines;
  const heading = parsed(first ?? last ?? '');
  if (!isHeading(heading)) {
    throw new MqError('USAGE', 'this is not a recording of mq top', { hint: 'mq top --record FILE makes one' });
  }
  const snapshots = rest.map((line, index) => {
    const snapshot = parsed(line);
    if (isSnapshot(snapshot)) return snapshot;
    throw new MqError('USAGE', `line ${index + 2} of the recording is not a sample`);
  });
  return { contexts: heading.contexts, snapshots };
}

/**
 * The time at which it was recorded, in milliseconds since the epoch. From the first sample on, it advances as fast as
 * `clock`.
 */
export function recordedTime(snapshots: readonly Snapshot[], clock: Clock): () => number {
  const startedAt = clock.now();
  const firstAt = snapshots[0]?.at ?? 0;
  return () => firstAt + (clock.now() - startedAt);
}

/** The samples, with their original pauses. Ends when the signal aborts. */
export async function* replayed(
  snapshots: readonly Snapshot[],
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Snapshot> {
  let before: number | null = null;
  for (const snapshot of snapshots) {
    if (before !== null) await clock.sleep(Math.max(0, snapshot.at - before), signal);
    if (signal.aborted) return;
    yield snapshot;
    before = snapshot.at;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHeading(value: unknown): value is Heading {
  return (
    isRecord(value) &&
    value.mqTop === 1 &&
    Array.isArray(value.contexts) &&
    value.contexts.every((context) => typeof context === 'string')
  );
}

/** Checks as deep as the view reads without looking: a queue has a name, a state and figures. */
function isSnapshot(value: unknown): value is Snapshot {
  return (
    isRecord(value) &&
    typeof value.context === 'string' &&
    typeof value.at === 'number' &&
    isRecord(value.condition) &&
    Array.isArray(value.notices) &&
    (value.queues === null || (Array.isArray(value.queues) && value.queues.every(isReading)))
  );
}

function isReading(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value.queue === 'string' &&
    typeof value.state === 'string' &&
    typeof value.sampledAt === 'number' &&
    Array.isArray(value.approximate) &&
    isRecord(value.notes)
  );
}
