import { orAborted } from '../common/waits.ts';
import type { Session } from './session/session.ts';

/** The number of messages lost; null: unknown. */
export async function deleteQueue(session: Session, queue: string, signal: AbortSignal): Promise<number | null> {
  await session.declared(queue, signal);
  const looked = await session.lookUp(queue, signal);
  const link = await session.control(signal);
  const asked = link.onChannel({ operation: 'delete', queue }, (channel) => channel.deleteQueue(queue));
  const { messageCount } = await orAborted(asked, signal);
  // In-flight messages are deleted too, and a stream counts differently: the broker's answer is the number of ready
  // messages.
  const isStream = looked.status === 'found' && looked.info.kind === 'rabbit-stream';
  return isStream ? null : messageCount;
}
