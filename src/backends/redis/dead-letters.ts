import type { DeadLetters } from '../../contract/queue.ts';

/**
 * For a stream or a list, which keep no link to another queue: the URL says where dead letters are. `isState`: if the
 * URL does not say, they are in the queue itself.
 */
export function deadLettersIn(dlq: string | null, isState: boolean, source: string | null): DeadLetters {
  return {
    keptIn: dlq !== null ? { place: 'queue', queue: dlq } : isState ? { place: 'state' } : { place: 'nowhere' },
    sources: source === null ? [] : [source],
    messagesAreSilent: true,
    restore: (message) => ({ ...message, state: 'ready', dead: null }),
  };
}
