import { setImmediate } from 'node:timers/promises';
import type { Bill, Broker, QueuePattern } from '../contract/broker.ts';
import { abortedError, isMqError, throwIfAborted } from '../contract/errors.ts';
import type { QueueStats } from '../contract/stats.ts';
import { Deadline } from '../core/deadline.ts';
import { formatDuration } from '../core/duration.ts';
import type { Clock } from '../core/rate-limit.ts';
import type { Cadence } from './cadence.ts';
import { LastReading } from './last-reading.ts';
import { RateWindow } from './rate-window.ts';
import type { Condition, Snapshot } from './snapshot.ts';
import type { Source } from './source.ts';

export interface PollOptions {
  readonly pattern: QueuePattern;
  readonly cadence: Cadence;
  /** Measures durations. */
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The longest wait for one answer. */
  readonly timeoutMs: number;
  /** Hides secrets in texts of the broker. */
  readonly redact: (text: string) => string;
  readonly signal: AbortSignal;
  /** While nothing changes, snapshots say just that (`unchanged`), if the broker can tell. Absent: they hold all queues. */
  readonly brief?: boolean;
}

/** After this long without an answer the rows are marked; the answer is still awaited. */
const SLOW_MS = 3_000;
/** This many queues are read before the event loop has its turn: some milliseconds if the answer is already there. */
const QUEUES_A_TURN = 100;
const BACKOFF_MAX_MS = 30_000;

/**
 * Polls one broker until the signal aborts, and never fails: an outage is a snapshot like any other. There is one poll
 * at a time. After a failure it connects again after 1, 2, 4 … up to 30 seconds (or at once on `cadence.wake`).
 */
export async function* pollBroker(source: Source, options: PollOptions): AsyncGenerator<Snapshot> {
  const { cadence, clock, now, signal } = options;
  const window = new RateWindow();
  let broker: Broker | null = null;
  let lastGood: number | null = null;
  let failures = 0;
  let last: LastReading | null = null;
  const snapshot = (condition: Condition, fresh: Partial<Snapshot> = {}): Snapshot => ({
    context: source.context,
    broker: broker?.name ?? null,
    address: broker?.address ?? null,
    at: now(),
    tookMs: null,
    condition,
    queues: null,
    notices: [],
    ...fresh,
  });

  yield snapshot({ state: 'connecting' });
  try {
    while (!signal.aborted) {
      const startedAt = clock.now();
      const notices: string[] = [];
      let bill = null as Bill | null;
      let billed = 0;
      const deadline = new Deadline('stats', options.timeoutMs, signal);
      const work = settled(
        deadline.watch(async () => {
          const limit = deadline.signal;
          const notice = (text: string): void => void notices.push(options.redact(text));
          broker ??= await stillWanted(source.connect({ notice, signal: limit }), limit);
          // Before the reading: what changes meanwhile will change the mark after it.
          const before = broker.bill?.().requests ?? 0;
          const mark: string | null = (await broker.mark?.(limit)) ?? null;
          throwIfAborted(limit);
          const known = last?.isOf(mark) === true ? last : null;
          if (known !== null) notices.push(...known.notices);
          if (known?.isQuiet === true && options.brief === true) {
            known.stillTrue(now());
            return null;
          }
          if (known === null) last?.close(window, now());
          const [read, rated]: [QueueStats[], QueueStats[]] = [[], []];
          for await (const stats of known?.at(now()) ?? broker.queues(options.pattern, { notice, signal: limit })) {
            // The answer of a call that was given up is ignored when it comes.
            throwIfAborted(limit);
            read.push(stats);
            rated.push(window.rated(stats));
            // A broker that already has the whole list yields it without a pause, so keys are handled in between.
            if (read.length % QUEUES_A_TURN === 0) await setImmediate();
          }
          window.pollEnded();
          bill = broker.bill?.() ?? null;
          billed = bill === null ? 0 : bill.requests - before;
          last = mark === null ? null : new LastReading(mark, read, rated, notices, now());
          return rated;
        }),
      );
      for (let isSlow = false; ; isSlow = true) {
        const settled = await (isSlow ? work : Promise.race([work, slow(clock, signal)]));
        if (settled !== 'slow') break;
        if (!signal.aborted && lastGood !== null) {
          const reason = `no answer for ${SLOW_MS / 1000}s yet`;
          yield snapshot({ state: 'stale', reason, since: lastGood, retryAt: null });
        }
      }
      const outcome = await work;
      if (signal.aborted) return;
      if ('value' in outcome) {
        failures = 0;
        lastGood = now();
        const tookMs = clock.now() - startedAt;
        const everyMs = cadence.periodMs(tookMs, billed);
        if (bill !== null && cadence.isDear(billed)) notices.push(priceOf(billed, everyMs, bill));
        const queues = outcome.value;
        const fresh = queues === null ? ({ unchanged: true } as const) : { queues };
        yield snapshot({ state: 'fresh' }, { ...fresh, notices, tookMs, everyMs });
        await cadence.nextTick(startedAt, signal, billed);
      } else {
        failures += 1;
        const waitMs = Math.min(BACKOFF_MAX_MS, 1_000 * 2 ** Math.min(failures - 1, 10));
        const reason = options.redact(reasonFor(outcome.error));
        yield snapshot({ state: 'stale', reason, since: lastGood, retryAt: now() + waitMs }, { notices });
        await closeQuietly(broker);
        broker = null;
        // Marks of two connections cannot be compared.
        last = null;
        await cadence.pause(waitMs, signal);
      }
    }
  } finally {
    await closeQuietly(broker);
  }
}

/** A connection that comes after its deadline is closed: no one uses it. */
async function stillWanted(connecting: Promise<Broker>, limit: AbortSignal): Promise<Broker> {
  const broker = await connecting;
  if (!limit.aborted) return broker;
  await closeQuietly(broker);
  throw abortedError(limit);
}

const DAY_MS = 86_400_000;

/** What watching costs, if it goes on like this. */
function priceOf(requests: number, everyMs: number, { usdPerMillion }: Pick<Bill, 'usdPerMillion'>): string {
  const usd = ((requests * DAY_MS) / everyMs / 1_000_000) * usdPerMillion;
  return `${requests} billed requests every ${formatDuration(everyMs)}, some ${usd.toFixed(usd < 10 ? 2 : 0)} dollars a day`;
}

async function slow(clock: Clock, signal: AbortSignal): Promise<'slow'> {
  await clock.sleep(SLOW_MS, signal);
  return 'slow';
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

async function settled<T>(work: Promise<T>): Promise<Outcome<T>> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** Only our own sentences are shown: a foreign error object may hold a password. */
export function reasonFor(error: unknown): string {
  if (isMqError(error)) return error.message;
  return `a bug in mq (${error instanceof Error ? error.name : 'something was thrown'})`;
}

async function closeQuietly(broker: Broker | null): Promise<void> {
  // The error of closing a broken connection does not help anyone: the reason of the outage has been told.
  await broker?.close().catch(() => undefined);
}
