import type { DeadLetters } from '../../../contract/queue.ts';
import type { Connection } from '../connection/connection.ts';
import type { BullPlace } from './find.ts';
import { unwrapped } from './unwrap.ts';
import { wrappedDeadOf } from './wrapped-queue.ts';

/** `source`: the queue whose dead letters are here, as the URL says. */
export async function deadLettersOf(
  connection: Connection,
  bull: BullPlace,
  source: string | null,
  signal: AbortSignal,
): Promise<DeadLetters> {
  const { unwrap } = connection.settings;
  const holder = await wrappedDeadOf(connection, bull, signal);
  const collectsWrapped = holder === null && unwrap !== null && source !== null;
  return {
    // A queue of wrapped jobs keeps its own dead letters: they are its waiting jobs.
    keptIn:
      holder !== null
        ? { place: 'queue', queue: holder.shown }
        : collectsWrapped
          ? { place: 'nowhere' }
          : { place: 'state' },
    sources: source === null ? [] : [source],
    ...(collectsWrapped ? { unwraps: true } : {}),
    ...(unwrap !== null && source !== null ? { mayNotRestore: true } : {}),
    restore(message) {
      const plain = unwrap !== null && message.state === 'ready' ? unwrapped(message, unwrap) : message;
      return { ...plain, state: 'ready', dead: null };
    },
  };
}
