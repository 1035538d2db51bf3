import type { Message } from '../../contract/message.ts';
import { toEnvelope, utf8Text } from '../../core/envelope.ts';
import { safeLines } from '../../core/safe-text.ts';
import type { OutputFormat } from '../line/globals.ts';
import type { Session } from '../session/session.ts';
import { bodyRedaction } from './body-redaction.ts';
import { openSequence } from './documents.ts';
import { messageColumns, messageText } from './message-view.ts';
import { printTable } from './table.ts';

/** Prints messages as they come. */
export interface MessagePrinter {
  /** Resolves when there is room for more. */
  message(message: Message): Promise<void>;
  end(): Promise<void>;
}

export async function openMessagePrinter(
  session: Session,
  format: Exclude<OutputFormat, 'markdown'>,
  separator: string,
): Promise<MessagePrinter> {
  const redact = bodyRedaction(session);
  const printer = await openPlainPrinter(session, format, separator);
  return { message: (message) => printer.message(redact(message)), end: () => printer.end() };
}

async function openPlainPrinter(
  session: Session,
  format: Exclude<OutputFormat, 'markdown'>,
  separator: string,
): Promise<MessagePrinter> {
  const { stdout } = session.host;
  switch (format) {
    case 'json':
    case 'ndjson':
    case 'yaml': {
      const sequence = await openSequence(session, format);
      return { message: (message) => sequence.item(toEnvelope(message)), end: () => sequence.end() };
    }
    case 'table': {
      const rows: Message[] = [];
      return {
        async message(message) {
          rows.push(message);
        },
        async end() {
          if (rows.length > 0) await printTable(session, rows, messageColumns(session.host.now()));
        },
      };
    }
    case 'body': {
      let count = 0;
      return {
        async message({ body }) {
          if (count++ > 0) await stdout.write(separator);
          await stdout.write(bodyFor(session, body));
        },
        async end() {
          if (count > 0 && stdout.isTerminal) await stdout.write('\n');
        },
      };
    }
    case 'text': {
      const strong = (text: string): string => session.paint(stdout, 'bold', text);
      let count = 0;
      return {
        async message(message) {
          const gap = count++ > 0 ? '\n' : '';
          await stdout.write(`${gap}${messageText(message, session.host.now(), strong)}\n`);
        },
        async end() {},
      };
    }
  }
}

/** A pipe gets the exact bytes. A terminal gets nothing that it would act on. */
export function bodyFor(session: Session, body: Uint8Array): Uint8Array | string {
  if (!session.host.stdout.isTerminal) return body;
  return safeLines(utf8Text(body) ?? Buffer.from(body).toString('latin1'));
}
