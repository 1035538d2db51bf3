import { expect } from 'vitest';
import type { Figure, RateLedger } from './rate-ledger.ts';
import type { Shown } from './watched-load.ts';

const TOLERANCE = 0.1;

/** As old as RabbitMQ's own figures may be. */
export const RABBITMQ_LAG_MS = 7_000;

/**
 * Each line against what was done in its own window, from one reading to the other. `orUnknown`: a rate that is not
 * known is no mistake either.
 */
export function expectTrue(
  lines: readonly Shown[],
  ledger: RateLedger,
  figures: readonly Figure[],
  { lagMs = 0, orUnknown = false }: { readonly lagMs?: number; readonly orUnknown?: boolean } = {},
): void {
  for (const { sampledAt, rates } of lines) {
    for (const figure of figures) {
      const is = rates[figure];
      if (orUnknown && is === null) continue;
      const windowMs = rates.windowMs ?? Number.NaN;
      const { least, most } = ledger.laggingRate(figure, sampledAt - windowMs, sampledAt, lagMs);
      const claim = `${figure}: ${is} shown, ${least} to ${most} true over ${windowMs} ms until ${sampledAt}`;
      expect(is ?? Number.NaN, claim).toBeGreaterThanOrEqual(least * (1 - TOLERANCE));
      expect(is ?? Number.NaN, claim).toBeLessThanOrEqual(most * (1 + TOLERANCE));
    }
  }
}

/** A line whose rates are of as many seconds as they mostly are. */
export const isFull = ({ rates }: Pick<Shown, 'rates'>): boolean => (rates.windowMs ?? 0) >= 8_500;

/** The load was there, and its record is sharp enough to find a mistake. */
export function expectLoad(lines: readonly Shown[], ledger: RateLedger, figures: readonly Figure[]): void {
  for (const { sampledAt, rates } of lines) {
    for (const figure of figures) {
      const { least, most } = ledger.rate(figure, sampledAt - (rates.windowMs ?? Number.NaN), sampledAt);
      expect(least, `${figure} of the load`).toBeGreaterThan(2);
      expect(most - least, `${figure} of the load: ${least} to ${most}`).toBeLessThan(most * TOLERANCE);
    }
  }
}
