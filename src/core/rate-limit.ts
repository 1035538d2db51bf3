/**
 * An even pacer. `next` resolves at the next slot, so 50/s is one every 20 ms and never 50 at once. Slots that were
 * missed because the work was slow are not made up for in a burst.
 */
export interface Pacer {
  /** Resolves at the slot, or at once when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
}

export interface Clock {
  now(): number;
  /** Resolves after this many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** `perSecond` must be greater than 0. */
export function pacer(perSecond: number, clock: Clock = systemClock): Pacer {
  const interval = 1000 / perSecond;
  let slot: number | null = null;
  return {
    async next(signal) {
      const now = clock.now();
      // A timer is late by up to a few milliseconds. Carrying that over keeps the average rate right; carrying over
      // more than one slot would be a burst.
      slot = slot === null ? now : Math.max(slot + interval, now - Math.max(interval, TIMER_SLACK_MS));
      if (slot > now) await clock.sleep(slot - now, signal);
    },
  };
}

const TIMER_SLACK_MS = 5;

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done, { once: true });
    }),
};
