/** Counts failures without a success between them. Messages that one answer refused together are one failure. */
export class FailuresInARow {
  #count = 0;
  #batch: number | undefined;

  /** Resolves to the number of failures in a row now. */
  one(batch: number | undefined): number {
    if (batch === undefined || batch !== this.#batch) this.#count += 1;
    this.#batch = batch;
    return this.#count;
  }

  end(): void {
    this.#count = 0;
  }
}
