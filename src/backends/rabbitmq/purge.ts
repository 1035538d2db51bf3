import type { PurgeResult } from '../../contract/queue.ts';
import { orAborted } from '../common/waits.ts';
import type { Session } from './session/session.ts';

/** The broker removes everything that is ready, and counts it. */
export async function purgeQueue(session: Session, queue: string, signal: AbortSignal): Promise<PurgeResult> {
  const where = { operation: 'purge', queue };
  const { messageCount } = await session.ask(signal, (link) =>
    orAborted(
      link.onChannel(where, (channel) => channel.purgeQueue(queue)),
      signal,
    ),
  );
  return { removed: messageCount };
}
