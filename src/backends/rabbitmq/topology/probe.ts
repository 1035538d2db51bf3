import type { JsonValue } from '../../../contract/message.ts';
import { orAborted } from '../../common/waits.ts';
import type { Link } from '../connection/link.ts';
import { replyCode, saidBy } from '../errors.ts';
import type { JsonObject } from '../management/client.ts';
import { kindOf, type RabbitKind } from '../management/queue-info.ts';
import type { Session } from '../session/session.ts';

/**
 * No broker has this type, so a declaration with it can never create a queue (3.10 and 4.0 answer "unsupported queue
 * type").
 */
const NO_TYPE = 'mq-asks-for-the-kind';
/** As many as the arguments of a queue that the broker compares, and some more. */
const MAX_QUESTIONS = 24;

/**
 * The facts that AMQP alone gives about how a queue was created. Policies are not among them, nor the delivery limit,
 * which the broker does not compare.
 */
export interface Probe {
  readonly kind: RabbitKind;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: JsonObject;
}

/**
 * How a queue was created, without the management API. The broker refuses a declaration that differs from the queue,
 * and says in which argument and what the queue has. That is copied into the next question, until only the type
 * differs, which is compared last. Null if the answers cannot be read (for example, no permission to configure).
 */
export async function probeQueue(session: Session, name: string, signal: AbortSignal): Promise<Probe | null> {
  const flags = { durable: true, autoDelete: false };
  const args: Record<string, JsonValue> = {};
  const known = new Set<string>();
  for (let question = 0; question < MAX_QUESTIONS; question++) {
    const answer = await session.ask(signal, (link) => orAborted(differing(link), signal));
    const differs = /^[\s\S]*?inequivalent arg '([\w-]+)' for queue '/.exec(answer)?.[1];
    if (differs === 'x-queue-type') {
      // For a queue that was created without a type, 3.10 says that it has none.
      const type = /but current is '(\w+)'[^']*$/.exec(answer)?.[1] ?? null;
      return { kind: kindOf(type), ...flags, arguments: args };
    }
    // If it names an argument again, its answer was not understood.
    if (differs === undefined || known.has(differs)) return null;
    known.add(differs);
    if (differs === 'durable' || differs === 'auto_delete') {
      const has = /but current is '(true|false)'[^']*$/.exec(answer)?.[1];
      if (has === undefined) return null;
      flags[differs === 'durable' ? 'durable' : 'autoDelete'] = has === 'true';
      continue;
    }
    const [, value, form] = /but current is the value '([\s\S]*)' of type '(\w+)'[^']*$/.exec(answer) ?? [];
    if (value === undefined) return null;
    args[differs] = form === 'longstr' ? value : form === 'bool' ? value === 'true' : Number(value);
  }
  return null;

  async function differing(link: Link): Promise<string> {
    const channel = await link.channel();
    try {
      await channel.amqp.assertQueue(name, { ...flags, arguments: { ...args, 'x-queue-type': NO_TYPE } });
      return '';
    } catch (error) {
      return replyCode(error) === 406 ? saidBy(error) : '';
    } finally {
      await channel.close();
    }
  }
}
