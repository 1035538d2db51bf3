export const FIGURES = ['inPerSec', 'outPerSec', 'errorPerSec'] as const;
export type Figure = (typeof FIGURES)[number];

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Took effect at some instant from `begun` to `ended`, milliseconds since the epoch. */
interface Act {
  readonly begun: number;
  readonly ended: number;
  readonly count: number;
}

/** The clock of a program and that of a broker are cut to whole milliseconds, each for itself. */
const CLOCK_MS = 1;

/**
 * What producers, workers and failures have really done, each act with the two instants between which it took effect.
 * So the rate over any window is known between two bounds that hold however busy the machine is: a machine that stalls
 * an act makes the bounds wider by that act, and nothing else.
 */
export class RateLedger {
  readonly #acts: Readonly<Record<Figure, Act[]>> = { inPerSec: [], outPerSec: [], errorPerSec: [] };

  /** Does the work, of which `count` (or what the work counts itself) took effect. */
  async during(figure: Figure, count: number | null, work: () => Promise<unknown>): Promise<void> {
    const begun = Date.now();
    const counted = await work();
    if (count === null && typeof counted !== 'number') throw new Error('this work has counted nothing');
    this.note(figure, count ?? Number(counted), begun);
  }

  /** It has ended now. */
  note(figure: Figure, count: number, begun: number): void {
    this.#acts[figure].push({ begun, ended: Date.now(), count });
  }

  /** Per second, over the window from one instant to another. */
  rate(figure: Figure, from: number, to: number): Range {
    const [first, last] = [from - CLOCK_MS, to + CLOCK_MS];
    const [inner, outer] = [from + CLOCK_MS, to - CLOCK_MS];
    let [least, most] = [0, 0];
    for (const { begun, ended, count } of this.#acts[figure]) {
      if (ended >= first && begun <= last) most += count;
      if (begun > inner && ended <= outer) least += count;
    }
    const seconds = (to - from) / 1_000;
    return { least: least / seconds, most: most / seconds };
  }

  /** The same where a reading may be up to `lagMs` older than it says: over all windows that it can be of. */
  laggingRate(figure: Figure, from: number, to: number, lagMs: number): Range {
    let [least, most] = [Number.POSITIVE_INFINITY, 0];
    for (let shift = 0; shift <= lagMs; shift += 100) {
      const range = this.rate(figure, from - shift, to - shift);
      least = Math.min(least, range.least);
      most = Math.max(most, range.most);
    }
    return { least, most };
  }
}
