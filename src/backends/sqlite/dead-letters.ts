import type { DeadLetters } from '../../contract/queue.ts';

/** They stay in the queue, in their own state, and are complete. */
export const DEAD_LETTERS: DeadLetters = {
  keptIn: { place: 'state' },
  sources: [],
  restore: (message) => ({ ...message, state: 'ready', dead: null }),
};
