import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/rate-limit.ts';
import { pacer, systemClock } from '../../../src/core/rate-limit.ts';

/** A clock whose sleeps are exact, or late by so many milliseconds. */
function fakeClock(lateMs = 0): Clock & { time: number } {
  const clock = {
    time: 0,
    now: () => clock.time,
    sleep: async (milliseconds: number) => {
      clock.time += milliseconds + lateMs;
    },
  };
  return clock;
}

const slots = async (perSecond: number, count: number, clock: Clock & { time: number }): Promise<number[]> => {
  const pace = pacer(perSecond, clock);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await pace.next(new AbortController().signal);
    times.push(clock.time);
  }
  return times;
};

describe('pacer', () => {
  it('gives even slots and no burst at the start', async () => {
    expect(await slots(50, 5, fakeClock())).toEqual([0, 20, 40, 60, 80]);
  });

  it('keeps the average rate although every timer is late', async () => {
    const times = await slots(200, 1001, fakeClock(2));
    expect(times.at(-1)).toBeGreaterThan(4990);
    expect(times.at(-1)).toBeLessThan(5050);
  });

  it('does not make up for slow work in a burst', async () => {
    const clock = fakeClock();
    const pace = pacer(100, clock);
    const signal = new AbortController().signal;
    await pace.next(signal);
    clock.time += 5000;
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      await pace.next(signal);
      times.push(clock.time - 5000);
    }
    expect(times).toEqual([0, 0, 10, 20]);
  });

  it('stops waiting when the signal aborts', async () => {
    const abort = new AbortController();
    const pace = pacer(0.001, systemClock);
    await pace.next(abort.signal);
    const waiting = pace.next(abort.signal);
    abort.abort();
    await waiting;
  });
});
