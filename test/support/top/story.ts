import type { QueueStats } from '../../../src/contract/stats.ts';
import type { Snapshot } from '../../../src/feed/snapshot.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import { initialState, type TopState } from '../../../src/top/state/state.ts';
import { contexts, NOON } from './readings.ts';

const TICKS = 40;
const UNKNOWN = { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null };

/**
 * Forty readings of an incident: payments are failing, invoices have lost their consumers, and SQS does not answer any
 * more.
 */
function story(): readonly Snapshot[] {
  return Array.from({ length: TICKS }, (_, tick) => [
    taken('prod', 'rabbitmq', tick, [
      reading('orders', 'quorum', tick, {
        ...figures(Math.max(0, 5_200 - tick * 130), 24, undefined, undefined, 8),
        rates: rates(41.5, 106.5, 0),
        oldestAgeMs: null,
      }),
      reading('payments', 'quorum', tick, {
        ...figures(120 + Math.round((tick * tick) / 1.7), 10, undefined, undefined, 4),
        rates: rates(38.2, 9.4, 6.1),
        oldestAgeMs: null,
        approximate: ['ready'],
      }),
      reading('payments.dlq', 'classic', tick, {
        ...figures(tick * 12, 0, undefined, undefined, 0),
        rates: rates(6.1, 0, 0),
        oldestAgeMs: null,
      }),
    ]),
    taken('jobs', 'redis', tick, [
      reading('email', 'bullmq', tick, {
        ...figures(3 + (tick % 5), 2, 118, 7, 1),
        rates: rates(2.5, 2.5, 0),
        oldestAgeMs: 900,
      }),
      reading('invoices', 'bullmq', tick, {
        ...figures(340 + tick, 0, 0, 0, 0),
        rates: rates(0.5, 0, 0),
        oldestAgeMs: 1_020_000,
      }),
      reading('events', 'stream', tick, {
        ...figures(12, 3, undefined, undefined, null),
        rates: UNKNOWN,
        oldestAgeMs: 4_100,
      }),
    ]),
    tick < 34
      ? taken('eu-west', 'sqs', tick, [
          reading('shipments', 'standard', tick, {
            ...figures(80, 5, 12, undefined, undefined),
            rates: UNKNOWN,
            oldestAgeMs: null,
            approximate: ['ready', 'inFlight', 'delayed', 'depth'],
          }),
        ])
      : lost('eu-west', 'sqs', tick),
    taken('local', 'sqlite', tick, [
      reading('nightly', 'sqlite', tick, {
        ...figures(16, 0, 4, 0, 0),
        state: 'paused',
        rates: rates(0, 0, 0),
        oldestAgeMs: 7_200_000,
      }),
    ]),
  ]).flat();
}

export function afterStory(size = { columns: 140, rows: 14 }): TopState {
  const fresh = initialState({
    size,
    now: NOON,
    intervalMs: 2_000,
    isReplay: false,
    globs: [],
    contexts: contexts('prod', 'jobs', 'eu-west', 'local'),
  });
  return story().reduce<TopState>((state, snapshot) => reduce(state, { type: 'snapshot', snapshot }), fresh);
}

const at = (tick: number): number => NOON + tick * 2_000;

function taken(context: string, broker: string, tick: number, queues: readonly QueueStats[]): Snapshot {
  return {
    context,
    broker,
    address: broker,
    at: at(tick),
    tookMs: 4,
    condition: { state: 'fresh' },
    queues,
    notices: [],
  };
}

function lost(context: string, broker: string, tick: number): Snapshot {
  const condition = { state: 'stale', reason: 'connection refused', since: at(33), retryAt: at(tick) + 4_000 } as const;
  return { context, broker, address: broker, at: at(tick), tookMs: null, condition, queues: null, notices: [] };
}

function reading(queue: string, kind: string, tick: number, special: Partial<QueueStats>): QueueStats {
  return {
    queue,
    broker: kind,
    kind,
    state: 'running',
    ready: 0,
    depth: 0,
    approximate: [],
    notes: {},
    sampledAt: at(tick),
    ...special,
  };
}

function figures(
  ready: number,
  inFlight: number,
  delayed: number | undefined,
  dead: number | undefined,
  consumers: number | null | undefined,
): Partial<QueueStats> {
  return {
    ready,
    inFlight,
    depth: ready + inFlight + (delayed ?? 0),
    ...(delayed === undefined ? {} : { delayed }),
    ...(dead === undefined ? {} : { dead }),
    ...(consumers === undefined ? {} : { consumers }),
  };
}

function rates(inPerSec: number, outPerSec: number, errorPerSec: number) {
  return { inPerSec, outPerSec, errorPerSec, windowMs: 5_000 };
}
