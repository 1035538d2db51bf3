/** SQS takes at most this many messages in one call. */
export const BATCH_ENTRIES = 10;

export interface BatcherOptions<Item, Result> {
  /** Calls in the air at once. */
  readonly parallel: number;
  /** May `next` still join `batch`? Asked only while the batch holds fewer than 10. */
  readonly joins?: (batch: readonly Item[], next: Item) => boolean;
  /** Items of the same lane are never in two calls at once, so that they keep their order; null: no lane. */
  readonly lane?: (item: Item) => string | null;
  /** Two of them are never in one call either, if a call may fail in part. */
  readonly laneIsSingle?: boolean;
  /** One call. It gives a result for each item, in order. It must not reject. */
  readonly run: (batch: readonly Item[]) => Promise<readonly Result[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly lane: string | null;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects single items into calls of at most ten. A full batch is sent at once if a call is free. A partial one is
 * sent when nothing is in the air; otherwise it waits for more until a call returns. So a single item has no delay, and
 * many items fill their batches.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #inAir = 0;
  readonly #busyLanes = new Set<string>();
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, lane: this.#options.lane?.(item) ?? null, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is in the air. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#inAir > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** At the end of this turn of the event loop, so that everything added in it is sent together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#inAir < this.#options.parallel && this.#waiting.length > 0) {
      const { batch, closed } = this.#choose();
      if (batch.length === 0) return;
      if (!closed && this.#inAir > 0) return;
      this.#take(batch);
      void this.#send(batch);
    }
  }

  /** The next batch, and whether nothing more can join it. */
  #choose(): { batch: Waiting<Item, Result>[]; closed: boolean } {
    const batch: Waiting<Item, Result>[] = [];
    const chosen = new Set<string>();
    for (const entry of this.#waiting) {
      if (entry.lane !== null && (this.#busyLanes.has(entry.lane) || chosen.has(entry.lane))) continue;
      if (
        batch.length > 0 &&
        this.#options.joins?.(
          batch.map(({ item }) => item),
          entry.item,
        ) === false
      ) {
        return { batch, closed: true };
      }
      batch.push(entry);
      if (this.#options.laneIsSingle === true && entry.lane !== null) chosen.add(entry.lane);
      if (batch.length === BATCH_ENTRIES) return { batch, closed: true };
    }
    return { batch, closed: false };
  }

  #take(batch: readonly Waiting<Item, Result>[]): void {
    if (this.#options.lane === undefined) {
      this.#waiting.splice(0, batch.length);
      return;
    }
    const chosen = new Set(batch);
    this.#waiting = this.#waiting.filter((entry) => !chosen.has(entry));
  }

  async #send(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const lanes = new Set(batch.flatMap(({ lane }) => (lane === null ? [] : [lane])));
    for (const lane of lanes) this.#busyLanes.add(lane);
    this.#inAir += 1;
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error('a batch gave fewer results than it had items'));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#inAir -= 1;
      for (const lane of lanes) this.#busyLanes.delete(lane);
      this.#schedule();
      if (this.#waiting.length === 0 && this.#inAir === 0) {
        for (const resolve of this.#idle.splice(0)) resolve();
      }
    }
  }
}
