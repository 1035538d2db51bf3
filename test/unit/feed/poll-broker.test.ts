import { describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { MqError } from '../../../src/contract/errors.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { Cadence } from '../../../src/feed/cadence.ts';
import { watch } from '../../../src/feed/feed.ts';
import type { Snapshot } from '../../../src/feed/snapshot.ts';
import type { Source } from '../../../src/feed/source.ts';
import { reading } from '../../support/top/readings.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** A broker that does in each poll what the test says. */
class Scripted {
  connects = 0;
  closed = 0;
  running = 0;
  mostRunning = 0;
  readonly startedAt: number[] = [];
  answer: (signal: AbortSignal) => Promise<readonly QueueStats[]> = async () => [reading('q')];
  connecting: () => Promise<void> = async () => {};
  /** Absent: the broker cannot tell that nothing has changed. */
  mark?: () => string | null;
  /** Billed requests of a reading; 0: they cost nothing. */
  billed = 0;

  watched(context: string, clock: VirtualClock): Source {
    return {
      context,
      connect: async () => {
        this.connects += 1;
        await this.connecting();
        return this.#broker(clock);
      },
    };
  }

  #broker(clock: VirtualClock): Broker {
    const script = this;
    return {
      name: 'memory',
      address: 'memory',
      async *queues(_pattern, { signal, notice }) {
        script.startedAt.push(clock.now());
        script.running += 1;
        script.mostRunning = Math.max(script.mostRunning, script.running);
        try {
          notice('only a part');
          yield* await script.answer(signal);
        } finally {
          script.running -= 1;
        }
      },
      ...(this.mark === undefined ? {} : { mark: async () => script.mark?.() ?? null }),
      ...(this.billed === 0
        ? {}
        : { bill: () => ({ requests: script.startedAt.length * script.billed, usdPerMillion: 0.4 }) }),
      queue: () => Promise.reject(new Error('not asked for')),
      close: async () => {
        this.closed += 1;
      },
    };
  }
}

function watching(
  scripts: Readonly<Record<string, Scripted>>,
  intervalMs = 1_000,
  timeoutMs = 30_000,
  brief = false,
  mayGrow = false,
) {
  const clock = new VirtualClock();
  const cadence = new Cadence(intervalMs, clock);
  if (mayGrow) cadence.mayGrow();
  const stop = new AbortController();
  const seen: (Snapshot & { readonly atMs: number })[] = [];
  const brokers = Object.entries(scripts).map(([context, script]) => script.watched(context, clock));
  const feed = watch(brokers, {
    pattern: { globs: [], matches: () => true },
    cadence,
    clock,
    now: clock.now,
    timeoutMs,
    redact: (text) => text.replaceAll('hunter2', '***'),
    signal: stop.signal,
    brief,
  });
  const ended = (async () => {
    for await (const snapshot of feed) seen.push({ ...snapshot, atMs: clock.now() });
  })();
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  const states = (context: string) =>
    seen.filter((one) => one.context === context).map(({ atMs, condition }) => [atMs, condition.state]);
  return { clock, cadence, seen, states, stop, ended };
}

const refused = () => Promise.reject(new MqError('UNAVAILABLE', 'refused, password hunter2'));
const never = () => new Promise<never>(() => {});

test('polls at the interval, on one connection, and closes it at the end', async () => {
  const script = new Scripted();
  const { clock, states, seen, stop, ended } = watching({ a: script });
  await clock.advance(2_500);
  expect(states('a')).toEqual([
    [0, 'connecting'],
    [0, 'fresh'],
    [1_000, 'fresh'],
    [2_000, 'fresh'],
  ]);
  expect(seen[1]).toMatchObject({ broker: 'memory', notices: ['only a part'], tookMs: 0, queues: [{ queue: 'q' }] });
  stop.abort();
  await ended;
  expect([script.connects, script.closed]).toEqual([1, 1]);
});

// A broker that takes long is not kept busy: it has three times as long for others, and ten seconds at most.
test.each([
  [250, [0, 1_000, 2_000, 3_000]],
  [300, [0, 2_000, 4_000, 6_000]],
  [2_300, [0, 10_000, 20_000, 30_000]],
  [7_300, [0, 18_000, 36_000, 54_000]],
])('a tick that comes during a poll of %i ms or soon after is skipped, never made up for', async (tookMs, started) => {
  const script = new Scripted();
  const { clock, seen } = watching({ a: script });
  script.answer = async (signal) => {
    await clock.sleep(tookMs, signal);
    return [];
  };
  await clock.advance((started.at(-1) ?? 0) + 500);
  expect(script.mostRunning).toBe(1);
  expect(script.startedAt).toEqual(started);
  const said = seen.flatMap(({ everyMs }) => (everyMs === undefined ? [] : [everyMs]));
  expect([...new Set(said)]).toEqual([(started[1] ?? 0) - (started[0] ?? 0)]);
});

describe('a broker that is down', () => {
  test('is told with its reason, without secrets; polling backs off; the connection is made anew', async () => {
    const script = new Scripted();
    const { clock, states, seen } = watching({ a: script });
    await clock.advance(500);
    script.answer = refused;
    await clock.advance(8_500);
    expect(script.startedAt).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
    expect(seen.at(-1)?.condition).toEqual({
      state: 'stale',
      reason: 'refused, password ***',
      since: 0,
      retryAt: 16_000,
    });
    expect(seen.at(-1)?.queues).toBeNull();
    script.answer = async () => [reading('q')];
    await clock.advance(7_500);
    expect(states('a').at(-1)).toEqual([16_000, 'fresh']);
    expect([script.connects, script.closed]).toEqual([5, 4]);
    // And then at the usual pace again.
    await clock.advance(1_000);
    expect(states('a').at(-1)).toEqual([17_000, 'fresh']);
  });

  test('is never left alone for more than 30 s', async () => {
    const script = new Scripted();
    script.connecting = refused;
    const { clock } = watching({ a: script });
    await clock.advance(600_000);
    const before = script.connects;
    await clock.advance(60_000);
    expect(script.connects - before).toBe(2);
  });

  test('is tried at once when something wakes the feed', async () => {
    const script = new Scripted();
    script.connecting = refused;
    const { clock, cadence } = watching({ a: script });
    await clock.advance(20_000);
    const before = script.connects;
    cadence.wake();
    await clock.advance(0);
    expect(script.connects).toBe(before + 1);
  });

  test('does not hold up the others', async () => {
    const [down, fine] = [new Scripted(), new Scripted()];
    down.answer = never;
    const { clock, states } = watching({ down, fine });
    await clock.advance(5_000);
    expect(states('fine').filter(([, state]) => state === 'fresh')).toHaveLength(6);
  });
});

test('a slow answer marks the rows as stale, and counts when it comes', async () => {
  const script = new Scripted();
  const { clock, states, seen } = watching({ a: script });
  await clock.advance(500);
  script.answer = async (signal) => {
    await clock.sleep(4_000, signal);
    return [reading('late')];
  };
  await clock.advance(4_500);
  expect(states('a').slice(2)).toEqual([
    [4_000, 'stale'],
    [5_000, 'fresh'],
  ]);
  expect(seen[2]?.condition).toMatchObject({ reason: 'no answer for 3s yet', since: 0, retryAt: null });
});

test('an answer that never comes is given up after the timeout, even when the call ignores its signal', async () => {
  const script = new Scripted();
  script.answer = never;
  const { clock, seen } = watching({ a: script }, 1_000, 20);
  await clock.advance(0);
  await expect.poll(() => seen.at(-1)?.condition.state, { timeout: 5_000 }).toBe('stale');
  expect(seen.at(-1)?.condition).toMatchObject({ reason: 'the broker did not answer within 20ms' });
  script.answer = async () => [];
  await clock.advance(1_000);
  expect(seen.at(-1)?.condition.state).toBe('fresh');
});

test('a changed interval holds at once', async () => {
  const script = new Scripted();
  const { clock, cadence } = watching({ a: script }, 60_000);
  await clock.advance(5_000);
  cadence.intervalMs = 1_000;
  await clock.advance(2_000);
  expect(script.startedAt).toEqual([0, 5_000, 6_000, 7_000]);
});

test('a bug in a backend is told as one, without its text', async () => {
  const script = new Scripted();
  script.answer = () => Promise.reject(new TypeError('redis://u:secret@h failed'));
  const { clock, seen } = watching({ a: script });
  await clock.advance(0);
  expect(seen.at(-1)?.condition).toMatchObject({ state: 'stale', reason: 'a bug in mq (TypeError)' });
});

describe('rates', () => {
  /** Counters of a queue that gets `inPerSec`, in batches of a second and a half. */
  function counting(
    script: Scripted,
    clock: VirtualClock,
    resetAtMs = Number.POSITIVE_INFINITY,
    wallClock = (ms: number): number => ms,
  ): void {
    script.answer = async () => {
      const ms = clock.now();
      const since = ms >= resetAtMs ? resetAtMs : 0;
      const batches = Math.floor((ms - since) / 1_500);
      const { rates: _, ...rest } = reading('q');
      return [
        {
          ...rest,
          sampledAt: wallClock(ms),
          counters: { enqueued: batches * 150, acked: batches * 120, failed: batches * 30 },
        },
      ];
    };
  }
  const rate = (seen: readonly Snapshot[]) => seen.at(-1)?.queues?.[0]?.rates;

  test('the first reading has none; over ten seconds they are within 10 % of the truth', async () => {
    const script = new Scripted();
    const { clock, seen } = watching({ a: script });
    counting(script, clock);
    await clock.advance(0);
    expect(rate(seen)).toEqual({ inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null });
    await clock.advance(60_000);
    expect(rate(seen)?.windowMs).toBe(10_000);
    expect(Math.abs((rate(seen)?.inPerSec ?? 0) - 100)).toBeLessThanOrEqual(10);
    expect(Math.abs((rate(seen)?.outPerSec ?? 0) - 80)).toBeLessThanOrEqual(8);
    expect(Math.abs((rate(seen)?.errorPerSec ?? 0) - 20)).toBeLessThanOrEqual(2);
  });

  test('a reset of the counters makes them unknown once, and never negative', async () => {
    const script = new Scripted();
    const { clock, seen } = watching({ a: script });
    counting(script, clock, 30_000);
    await clock.advance(29_500);
    await clock.advance(1_000);
    expect(rate(seen)).toEqual({ inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null });
    await clock.advance(12_000);
    expect(Math.abs((rate(seen)?.inPerSec ?? 0) - 100)).toBeLessThanOrEqual(10);
    for (const { queues } of seen) expect(queues?.[0]?.rates?.inPerSec ?? 0).toBeGreaterThanOrEqual(0);
  });

  test('a clock that is set back by an hour makes them unknown once', async () => {
    const script = new Scripted();
    const { clock, seen } = watching({ a: script });
    const hour = 3_600_000;
    counting(script, clock, undefined, (ms) => (ms < 30_000 ? ms + hour : ms));
    await clock.advance(29_500);
    await clock.advance(1_000);
    expect(rate(seen)).toEqual({ inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null });
    await clock.advance(12_000);
    expect(rate(seen)?.windowMs).toBe(10_000);
    expect(Math.abs((rate(seen)?.inPerSec ?? 0) - 100)).toBeLessThanOrEqual(10);
  });
});

describe('a broker that can tell that nothing has changed', () => {
  /** Counts, and is read only when it has to be. */
  function counting(clock: () => number) {
    const script = new Scripted();
    const state = { enqueued: 0, changes: 0, since: null as number | null };
    script.answer = async () => {
      const oldestAgeMs = state.since === null ? null : clock() - state.since;
      const counters = { enqueued: state.enqueued, acked: 0, failed: 0 };
      const { rates: _, ...stats } = reading('q', { ready: state.enqueued, oldestAgeMs, counters, sampledAt: clock() });
      return [stats];
    };
    const add = (): void => {
      state.enqueued += 1;
      state.changes += 1;
      state.since ??= clock();
    };
    return { script, state, add };
  }

  function three(intervalMs?: number) {
    let now = (): number => 0;
    const [plain, marked] = [counting(() => now()), counting(() => now())];
    marked.script.mark = () => String(marked.state.changes);
    const full = watching({ plain: plain.script, marked: marked.script }, intervalMs);
    now = full.clock.now;
    const figures = (context: string) =>
      full.seen
        .filter((one) => one.context === context && one.queues !== null)
        .map(({ atMs, queues }) => [atMs, queues]);
    return { ...full, plain, marked, figures };
  }

  test('is read once, and its figures and rates are those of one that is read every time', async () => {
    const { clock, plain, marked, figures } = three();
    await clock.advance(3_500);
    for (const one of [plain, marked]) one.add();
    await clock.advance(25_000);
    for (const one of [plain, marked]) one.add();
    await clock.advance(5_000);
    expect(figures('marked')).toHaveLength(34);
    expect(figures('marked')).toEqual(figures('plain'));
    expect(marked.script.startedAt).toEqual([0, 4_000, 29_000]);
  });

  test.each([1_000, 5_000, 30_000])(
    'in brief, says so once the rates are at rest, and tells the right rate after it (every %i ms)',
    async (intervalMs) => {
      let now = (): number => 0;
      const [plain, brief] = [counting(() => now()), counting(() => now())];
      brief.script.mark = () => String(brief.state.changes);
      const full = watching({ a: plain.script }, intervalMs);
      const short = watching({ a: brief.script }, intervalMs, 30_000, true);
      const both = async (ms: number): Promise<void> => {
        now = full.clock.now;
        await full.clock.advance(ms);
        now = short.clock.now;
        await short.clock.advance(ms);
      };
      await both(intervalMs * 30 + 500);
      for (const one of [plain, brief]) one.add();
      await both(intervalMs * 30);
      const last = (seen: readonly Snapshot[], at: number) => seen.find((one) => one.queues !== null && one.at === at);
      const after = 31 * intervalMs;
      expect(last(short.seen, after)?.queues).toEqual(last(full.seen, after)?.queues);
      expect(last(short.seen, after)?.queues?.[0]?.rates?.inPerSec).toBeGreaterThan(0);
      expect(brief.script.startedAt).toEqual([0, after]);
      const said = short.seen.filter(({ unchanged }) => unchanged === true);
      expect(said.length).toBeGreaterThan(35);
      expect(said[0]).toMatchObject({ condition: { state: 'fresh' }, queues: null, notices: ['only a part'] });
    },
  );

  test('marks of an earlier connection, and none at all, say nothing', async () => {
    const { clock, marked } = three();
    const { script } = marked;
    await clock.advance(500);
    const { answer } = script;
    script.answer = refused;
    marked.add();
    await clock.advance(1_000);
    script.answer = answer;
    marked.state.changes -= 1;
    await clock.advance(1_000);
    expect(script.startedAt).toEqual([0, 1_000, 2_000]);
    script.mark = () => null;
    await clock.advance(2_000);
    expect(script.startedAt).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
  });
});

describe('a broker whose requests are billed', () => {
  const prices = (seen: readonly Snapshot[]) =>
    seen.flatMap(({ notices }) => notices.filter((one) => /billed/.test(one)));

  test.each([
    [10, 2_000, [0, 2_000, 4_000], []],
    [40, 2_000, [0, 2_000, 4_000], []],
    [1_001, 2_000, [0, 52_000, 104_000], ['1001 billed requests every 52s, some 0.67 dollars a day']],
  ])(
    '%i a reading: it is read at most as often as 20 requests a second allow, and the price is told',
    async (billed, intervalMs, started, told) => {
      const script = new Scripted();
      script.billed = billed;
      const { clock, seen } = watching({ a: script }, intervalMs, 30_000, false, true);
      await clock.advance((started.at(-1) ?? 0) + 500);
      expect(script.startedAt).toEqual(started);
      expect([...new Set(prices(seen))]).toEqual(told);
    },
  );

  test('an interval that was chosen holds, and the price is told', async () => {
    const script = new Scripted();
    script.billed = 1_001;
    const { clock, seen, cadence } = watching({ a: script }, 2_000);
    await clock.advance(4_500);
    expect(script.startedAt).toEqual([0, 2_000, 4_000]);
    expect([...new Set(prices(seen))]).toEqual(['1001 billed requests every 2s, some 17 dollars a day']);
    cadence.intervalMs = 60_000;
    await clock.advance(10);
    expect(seen.at(-1)?.notices).toEqual(['only a part']);
  });

  test('an interval that is chosen in the view holds from then on', async () => {
    const script = new Scripted();
    script.billed = 1_001;
    const { clock, cadence } = watching({ a: script }, 2_000, 30_000, false, true);
    await clock.advance(500);
    cadence.intervalMs = 5_000;
    await clock.advance(10_000);
    expect(script.startedAt).toEqual([0, 500, 5_500, 10_500]);
  });
});
