import type { JsonValue } from '../../contract/message.ts';
import { replyCode, saidBy } from './errors.ts';
import { orAborted } from './link.ts';
import { kindOf, type RabbitKind } from './queue-info.ts';
import type { Session } from './session.ts';

/** No broker has this type, so a declaration with it can never create a queue (3.10 and 4.0 answer "unsupported queue type"). */
const NO_TYPE = 'mq-asks-for-the-kind';
/** As many arguments as a queue can have that the broker compares, and some. */
const MAX_QUESTIONS = 16;

/**
 * The kind of an existing queue without the management API: the broker refuses a declaration that differs from the queue and says in which
 * argument and what the queue has. Arguments that it names before the type are copied into the next question.
 * Unreadable answers (no configure permission, say) read as `classic`, whose ways are right for `quorum` too, but for the counts.
 */
export async function detectKind(session: Session, name: string, signal: AbortSignal): Promise<RabbitKind> {
  const link = await session.control(signal);
  const args: Record<string, JsonValue> = { 'x-queue-type': NO_TYPE };
  for (let question = 0; question < MAX_QUESTIONS; question++) {
    const answer = await orAborted(ask(), signal);
    const type = /inequivalent arg 'x-queue-type'[\s\S]* but current is '(\w+)'/.exec(answer)?.[1];
    if (type !== undefined) return kindOf(type);
    const other = /inequivalent arg '(x-[\w-]+)'[\s\S]* but current is the value '([\s\S]*)' of type '(\w+)'$/.exec(
      answer,
    );
    const [, key, value, form] = other ?? [];
    // Anything else that differs (durable, auto_delete, exclusive) is something that only classic queues can have.
    if (key === undefined || value === undefined || key in args) break;
    args[key] = form === 'longstr' ? value : form === 'bool' ? value === 'true' : Number(value);
  }
  return 'classic';

  async function ask(): Promise<string> {
    const channel = await link.channel();
    try {
      await channel.amqp.assertQueue(name, { durable: true, arguments: args });
      return '';
    } catch (error) {
      return replyCode(error) === 406 ? saidBy(error) : '';
    } finally {
      await channel.close();
    }
  }
}
