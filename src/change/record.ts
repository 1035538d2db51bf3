import { userInfo } from 'node:os';
import { formatInstant } from '../contract/instant.ts';
import type { AnyReport } from '../core/report.ts';

/** A line of the history: who did what where, with counts. It never contains bodies, ids or headers of messages. */
export interface HistoryEntry {
  /** RFC 3339 UTC: when the command began. */
  readonly at: string;
  readonly user: string | null;
  readonly context: string | null;
  readonly broker: string | null;
  /** Where the broker is, without credentials. */
  readonly address: string | null;
  readonly verb: string;
  readonly queues: readonly string[];
  readonly to: readonly string[];
  /** The flags that say which messages: filter, state, max … */
  readonly selection: Readonly<Record<string, string | number | boolean>>;
  /** Sums over the queues, with null for the unknown; null if the verb does not count. */
  readonly counts: Readonly<Record<string, number | null>> | null;
  readonly durationMs: number;
  readonly exitCode: number;
  /** The code of the error that ended it; null: no error did. */
  readonly error: string | null;
}

/** The flags that are worth keeping and cannot contain a body or a header of a message. */
const SELECTION_FLAGS = [
  'filter',
  'state',
  'dead',
  'olderThan',
  'newerThan',
  'max',
  'maxReplays',
  'rate',
  'backup',
] as const;

const COUNTS = ['matched', 'moved', 'skipped', 'failed', 'unknown', 'left'] as const;

interface Beginning {
  readonly verb: string;
  readonly context: string | null;
  readonly queues: readonly string[];
  readonly to: readonly string[];
  /** The ones among them that say which messages are meant. */
  readonly flags: object;
}

export interface Ending {
  readonly exitCode: number;
  /** The code of the error that ended it; null: no error did. */
  readonly error: string | null;
  readonly startedAt: number;
  readonly now: number;
}

/** Collects what one change did. */
export class ChangeRecord {
  readonly #beginning: Beginning;
  readonly #counts: Record<string, number | null> = {};
  #broker: string | null = null;
  #address: string | null = null;

  constructor(beginning: Beginning) {
    this.#beginning = beginning;
  }

  learnBroker(name: string, address: string): void {
    this.#broker = name;
    this.#address = address;
  }

  /** Nothing was changed, and the named queue must not be kept: it may contain a password. */
  forget(): void {
    this.#broker = null;
  }

  /** Whether a broker was reached: before that, nothing can have changed. */
  get hasBegun(): boolean {
    return this.#broker !== null;
  }

  learnReport(report: AnyReport): void {
    for (const key of COUNTS) this.learnCount(key, report[key]);
  }

  /** Null: the broker did not say, and so the sum is unknown, too. */
  learnCount(key: string, count: number | null): void {
    const before = this.#counts[key];
    this.#counts[key] = count === null || before === null ? null : (before ?? 0) + count;
  }

  /** `startedAt` and `now` are milliseconds since the epoch. */
  entry({ exitCode, error, startedAt, now }: Ending): HistoryEntry {
    const { verb, context, queues, to, flags } = this.#beginning;
    const given = new Map<string, unknown>(Object.entries(flags));
    const selection = SELECTION_FLAGS.flatMap((flag) => {
      const value = given.get(flag);
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[flag, value] as const]
        : [];
    });
    return {
      at: formatInstant(startedAt) ?? '',
      user: userName(),
      context,
      broker: this.#broker,
      address: this.#address,
      verb,
      queues,
      to,
      selection: Object.fromEntries(selection),
      counts: Object.keys(this.#counts).length === 0 ? null : { ...this.#counts },
      durationMs: Math.max(0, now - startedAt),
      exitCode,
      error,
    };
  }
}

/** Null if the system does not know the user, as in some containers. */
function userName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}
