import type { PurgeResult } from '../../contract/queue.ts';
import { orAborted } from '../common/waits.ts';
import type { Session } from './session/session.ts';

/** The broker removes everything that is ready, and counts it. */
export async function purgeQueue(session: Session, queue: string, signal: AbortSignal): Promise<PurgeResult> {
  const link = await session.control(signal);
  const asked = link.onChannel({ operation: 'purge', queue }, (channel) => channel.purgeQueue(queue));
  return { removed: (await orAborted(asked, signal)).messageCount };
}
