/** 500 messages a page: a script over one takes about 4 ms of the server (measured on lists of 1 KB elements). */
export const PAGE = 500;
/**
 * The intended size of one page: while the server copies it, no other client gets an answer, and here it is in memory
 * completely.
 */
const PAGE_BYTES = 8 * 1024 * 1024;
/** The number before anything is known of their size. */
const FIRST = 32;
const GROWTH = 4;

export function bytesOf(messages: readonly { readonly body: Uint8Array }[]): number {
  return messages.reduce((sum, { body }) => sum + body.byteLength, 0);
}

/**
 * How many messages to ask for at once: few at first, then as many as fit into a page if they are as large as the last
 * ones.
 */
export class PageSize {
  #next = FIRST;

  /** At least one. */
  next(most: number = PAGE): number {
    return Math.max(1, Math.min(this.#next, most));
  }

  /** The content of the last page. */
  learn(messages: number, bytes: number): void {
    if (messages === 0) return;
    const fitting = Math.floor((PAGE_BYTES * messages) / Math.max(1, bytes));
    this.#next = Math.max(1, Math.min(PAGE, this.#next * GROWTH, fitting));
  }
}
