import type { Message } from '../../contract/message.ts';
import { utf8Text } from '../../core/envelope.ts';
import type { Session } from '../session/session.ts';

const HIDDEN = '***';

/** The same for the messages of one run. The run is told once that something was hidden. */
export function bodyRedaction(session: Session): (message: Message) => Message {
  const redacted = redactedBy(session.target().settings?.redact ?? []);
  let said = false;
  return (message) => {
    const shown = redacted(message);
    if (shown !== message && !said) {
      said = true;
      session.messages.note(
        `parts of bodies are hidden by the context ${session.target().context}: do not send them back`,
      );
    }
    return shown;
  };
}

/**
 * Removes from a message's body what the context hides: `card.number`, `customers.*.email` (`*` is every key or item).
 * This is only for looking: a message that is moved, drained or saved stays whole. A body that is not JSON has no paths
 * and is shown as it is. Returns the same message if there was nothing to hide.
 */
export function redactedBy(redact: readonly string[]): (message: Message) => Message {
  const paths = redact.map((path) => path.replace(/^body\./, '').split('.'));
  if (paths.length === 0) return (message) => message;
  return (message) => {
    const text = utf8Text(message.body);
    const body = text === null ? undefined : parsed(text);
    if (typeof body !== 'object' || body === null) return message;
    const hidden = paths.filter((path) => hide(body, path)).length;
    return hidden === 0 ? message : { ...message, body: Buffer.from(JSON.stringify(body)), native: {} };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether there was something to hide. */
function hide(value: unknown, [key = '', ...rest]: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const keys = key === '*' ? Object.keys(value) : Object.hasOwn(value, key) ? [key] : [];
  let found = false;
  for (const own of keys) {
    if (rest.length > 0) found = hide(Reflect.get(value, own), rest) || found;
    else found = Reflect.set(value, own, HIDDEN) || found;
  }
  return found;
}
