/** 500 messages a page: a script over one takes about 4 ms of the server (measured on lists of 1 KB elements). */
export const PAGE = 500;
/** What one page should bring: the server answers nobody else while it copies it, and here it is held whole. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** Before anything is known of their size. */
const FIRST = 32;
const GROWTH = 4;

export function bytesOf(messages: readonly { readonly body: Uint8Array }[]): number {
  return messages.reduce((sum, { body }) => sum + body.byteLength, 0);
}

/**
 * How many messages to ask for at once: few at first, then as many as fit in a page if they are as large as the last
 * ones were.
 */
export class PageSize {
  #next = FIRST;

  /** At least one. */
  next(most: number = PAGE): number {
    return Math.max(1, Math.min(this.#next, most));
  }

  /** What the last page brought. */
  learn(messages: number, bytes: number): void {
    if (messages === 0) return;
    const fitting = Math.floor((PAGE_BYTES * messages) / Math.max(1, bytes));
    this.#next = Math.max(1, Math.min(PAGE, this.#next * GROWTH, fitting));
  }
}
