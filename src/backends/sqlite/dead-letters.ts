import type { DeadLetters } from '../../contract/queue.ts';

/** They stay in the queue, in a state of their own, and are whole. */
export const DEAD_LETTERS: DeadLetters = {
  keptIn: { place: 'state' },
  sources: [],
  restore: (message) => ({ ...message, state: 'ready', dead: null }),
};
