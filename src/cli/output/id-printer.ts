import type { SendOutcome } from '../../contract/message.ts';
import { safe } from '../../core/safe-text.ts';
import type { Session } from '../session/session.ts';
import { isDocumentFormat, openSequence } from './documents.ts';

type Sent = Extract<SendOutcome, { readonly status: 'sent' }>;

/** Prints the ids of sent messages, in order: one per line, or as objects. */
export interface IdPrinter {
  /** A promise if the reader is slow: sending has to wait for it. */
  sent(outcome: Sent): Promise<void> | void;
  end(): Promise<void>;
}

/** The length of ids of ordinary size: a few times what a pipe holds. */
const MOST_WAITING = 4 * 1024;

export async function openIdPrinter(session: Session, queue: string): Promise<IdPrinter> {
  const format = session.format('text', 'table', 'json', 'ndjson', 'yaml');
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    return {
      sent: ({ id, already }) => sequence.item({ queue, id, status: 'sent', ...(already === true && { already }) }),
      end: () => sequence.end(),
    };
  }
  const { stdout } = session.host;
  let waiting: (string | null)[] = [];
  let writing: Promise<void> | null = null;
  async function write(): Promise<void> {
    // Written after this turn of the event loop, so that the lines of one turn go out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const ids = waiting;
      waiting = [];
      await stdout.write(linesOf(ids));
    }
    writing = null;
  }
  return {
    sent({ id }) {
      waiting.push(id);
      writing ??= write();
      return waiting.length > MOST_WAITING ? writing : undefined;
    },
    end: () => writing ?? Promise.resolve(),
  };
}

const HARMLESS = /^[\x20-\x7e]*$/;

function linesOf(ids: readonly (string | null)[]): string {
  const text = ids.map((id) => id ?? '-');
  // Checked together: checking each of a million ids takes longer than printing them.
  return `${(HARMLESS.test(text.join('')) ? text : text.map(safe)).join('\n')}\n`;
}
