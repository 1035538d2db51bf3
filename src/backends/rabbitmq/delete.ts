import { orAborted } from '../common/waits.ts';
import type { Session } from './session/session.ts';

/** The number of messages lost; null: unknown. */
export async function deleteQueue(session: Session, queue: string, signal: AbortSignal): Promise<number | null> {
  await session.declared(queue, signal);
  const looked = await session.lookUp(queue, signal);
  const where = { operation: 'delete', queue };
  const { messageCount } = await session.ask(signal, (link) =>
    orAborted(
      link.onChannel(where, (channel) => channel.deleteQueue(queue)),
      signal,
    ),
  );
  // In-flight messages are deleted too, and a stream counts differently: the broker's answer is the number of ready
  // messages.
  const isStream = looked.status === 'found' && looked.info.kind === 'rabbit-stream';
  return isStream ? null : messageCount;
}
