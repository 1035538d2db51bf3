import type { Session } from '../session.ts';
import { isDocumentFormat, openSequence } from './documents.ts';
import { safe } from './safe.ts';

/** Prints the ids of sent messages, in order: one a line, or as objects. */
export interface IdPrinter {
  /** A promise when the reader is slow: sending has to wait for it. */
  sent(id: string | null): Promise<void> | void;
  end(): Promise<void>;
}

const MOST_WAITING_CHARACTERS = 64 * 1024;

export async function openIdPrinter(session: Session, queue: string): Promise<IdPrinter> {
  const format = session.format('text', 'table', 'json', 'ndjson', 'yaml');
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    return { sent: (id) => sequence.item({ queue, id, status: 'sent' }), end: () => sequence.end() };
  }
  const { stdout } = session.host;
  let waiting = '';
  let writing: Promise<void> | null = null;
  async function write(): Promise<void> {
    // After this turn of the loop, so that the lines of one turn go out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting !== '') {
      const lines = waiting;
      waiting = '';
      await stdout.write(lines);
    }
    writing = null;
  }
  return {
    sent(id) {
      waiting += `${id === null ? '-' : safe(id)}\n`;
      writing ??= write();
      return waiting.length > MOST_WAITING_CHARACTERS ? writing : undefined;
    },
    end: () => writing ?? Promise.resolve(),
  };
}
