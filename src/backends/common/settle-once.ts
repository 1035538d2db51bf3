/** Only the first settling of a delivery is done. Each later one gets the answer of the first. */
export class SettleOnce {
  #settled: Promise<void> | null = null;

  get isSettled(): boolean {
    return this.#settled !== null;
  }

  by(settling: () => Promise<void>): Promise<void> {
    this.#settled ??= settling();
    return this.#settled;
  }
}
