import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import type { Session } from './session.ts';

/** A name that no queue has. Asking for it shows that the broker answers, and asks nothing else. */
const NOBODYS_QUEUE = 'mq-is-there-anybody';

/** Makes the broker answer once: a backend may connect only at its first use. Throws the error that it answers with. */
export async function probe(session: Session, broker: Broker, operation: string): Promise<void> {
  const pattern = queuePattern([NOBODYS_QUEUE]);
  const answers = session.eachWithin(operation, (signal, onAnswer) =>
    broker.queues(pattern, { notice: () => {}, onAnswer, signal }),
  );
  try {
    for await (const _stats of answers) break;
  } catch (error) {
    // The broker answered. Its user may not ask for this queue, but may have access to others.
    if (isMqError(error) && error.code === 'PERMISSION_DENIED' && error.queue === NOBODYS_QUEUE) return;
    throw error;
  }
}
