import { BatchWriter } from '../batch-writer.ts';
import type { Session } from '../session.ts';
import { isDocumentFormat, openSequence } from './documents.ts';
import { safe } from './safe.ts';

/** Prints the ids of sent messages, in order: one a line, or as objects. */
export interface IdPrinter {
  sent(id: string | null): Promise<void>;
  end(): Promise<void>;
}

const MOST_WAITING = 1000;

export async function openIdPrinter(session: Session, queue: string): Promise<IdPrinter> {
  const format = session.format('text', 'table', 'json', 'ndjson', 'yaml');
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    return { sent: (id) => sequence.item({ queue, id, status: 'sent' }), end: () => sequence.end() };
  }
  const { stdout } = session.host;
  const writer = new BatchWriter((batch) => stdout.write(batch));
  let count = 0;
  let last: Promise<void> = Promise.resolve();
  return {
    // Not awaited one by one, so that the lines of one turn go out together; a slow reader still holds up the sending.
    async sent(id) {
      last = writer.put(`${id === null ? '-' : safe(id)}\n`);
      count += 1;
      if (count % MOST_WAITING === 0) await last;
    },
    end: () => last,
  };
}
