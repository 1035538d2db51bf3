import type { Message } from '../../contract/message.ts';
import { utf8Text } from '../../core/envelope.ts';
import type { Session } from '../session.ts';

const HIDDEN = '***';

/**
 * What the context says must not be shown, taken out of a message's body: `card.number`, `customers.*.email` (`*` is every key or item).
 * For looking only: what is moved, drained or saved stays whole. A body that is no JSON has no paths and is shown as it is.
 */
export function bodyRedaction(session: Session): (message: Message) => Message {
  const paths = (session.target().settings?.redact ?? []).map((path) => path.replace(/^body\./, '').split('.'));
  if (paths.length === 0) return (message) => message;
  let said = false;
  return (message) => {
    const text = utf8Text(message.body);
    const body = text === null ? undefined : parsed(text);
    if (typeof body !== 'object' || body === null) return message;
    const hidden = paths.filter((path) => hide(body, path)).length;
    if (hidden === 0) return message;
    if (!said)
      session.messages.note(
        `parts of bodies are hidden by the context ${session.target().context}: do not send them back`,
      );
    said = true;
    return { ...message, body: Buffer.from(JSON.stringify(body)), native: {} };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether anything was there to hide. */
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
