import { safeJson, safeLines } from '../../core/safe-text.ts';
import type { Session } from '../session/session.ts';

export type DocumentFormat = 'json' | 'ndjson' | 'yaml';

export function isDocumentFormat(format: string): format is DocumentFormat {
  return format === 'json' || format === 'ndjson' || format === 'yaml';
}

/** Prints one object. */
export async function printDocument(session: Session, format: DocumentFormat, value: object): Promise<void> {
  await session.host.stdout.write(forScreen(session, format, await renderOne(format, value)));
}

async function renderOne(format: DocumentFormat, value: object): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(value, null, 2)}\n`;
    case 'ndjson':
      return `${JSON.stringify(value)}\n`;
    case 'yaml':
      return (await import('yaml')).stringify(value);
  }
}

/**
 * A sequence of objects that is printed as it comes, so that memory stays constant: an array in JSON and YAML, one line
 * each in NDJSON.
 */
export interface Sequence {
  /** Resolves when there is room for more. */
  item(value: object): Promise<void>;
  /** Closes the document. Call it also after a failure, so that the printed text parses. */
  end(): Promise<void>;
}

export async function openSequence(session: Session, format: DocumentFormat): Promise<Sequence> {
  const render = await itemRenderer(format);
  const { stdout } = session.host;
  let count = 0;
  return {
    async item(value) {
      const text = render(value, count++);
      await stdout.write(forScreen(session, format, text));
    },
    async end() {
      if (format === 'json') await stdout.write(count === 0 ? '[]\n' : '\n]\n');
      if (format === 'yaml' && count === 0) await stdout.write('[]\n');
    },
  };
}

async function itemRenderer(format: DocumentFormat): Promise<(value: object, position: number) => string> {
  switch (format) {
    case 'json':
      return (value, position) => `${position === 0 ? '[\n' : ',\n'}  ${JSON.stringify(value)}`;
    case 'ndjson':
      return (value) => `${JSON.stringify(value)}\n`;
    case 'yaml': {
      const { stringify } = await import('yaml');
      return (value) => stringify([value]);
    }
  }
}

/** In a pipe a document stays as it is. On a terminal, characters that a terminal would act on are escaped. */
function forScreen(session: Session, format: DocumentFormat, text: string): string {
  if (!session.host.stdout.isTerminal) return text;
  return format === 'yaml' ? safeLines(text) : safeJson(text);
}
