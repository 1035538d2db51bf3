import { MqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import { toEnvelope } from '../../core/envelope.ts';
import { safeJson, safeLines } from '../../core/safe-text.ts';
import type { Destination, PutOutcome } from '../../core/transfer.ts';
import { isDocumentFormat } from '../output/documents.ts';
import { bodyFor } from '../output/message-printer.ts';
import { messageText } from '../output/message-view.ts';
import type { Session } from '../session/session.ts';
import { BatchWriter } from './batch-writer.ts';
import type { Distrust } from './exec-trust.ts';
import { MessageFile } from './message-file.ts';

export type DrainTo =
  | { readonly place: 'stdout'; readonly separator: string }
  | { readonly place: 'file'; readonly path: string }
  | { readonly place: 'command'; readonly command: string; readonly keepGoing: boolean };

export interface OpenDestination extends Destination {
  /** Why it takes no more; null: it does, or was never told to judge. */
  stopped?(): Distrust | null;
  close(): Promise<void>;
}

/** Throws `PRECONDITION_FAILED` if the file cannot be opened. */
export async function openDrainDestination(session: Session, to: DrainTo): Promise<OpenDestination> {
  switch (to.place) {
    case 'file': {
      const file = await MessageFile.open(to.path, session.notice);
      return {
        put: (message) => file.put(message),
        putAll: (messages) => file.putAll(messages),
        close: () => file.close(),
      };
    }
    case 'command': {
      const { ExecDestination } = await import('./exec-destination.ts');
      const { host, globals } = session;
      // With a report in JSON on stdout, the output of the commands must not mix with it.
      const reports = globals.output !== undefined && isDocumentFormat(globals.output);
      const commands = new ExecDestination({
        command: to.command,
        keepGoing: to.keepGoing,
        host,
        stdout: reports ? host.stderr : host.stdout,
        onFailure: ({ id }, reason) => session.messages.fault(`message ${id ?? '(no id)'}: ${reason}`),
      });
      return { put: (message) => commands.put(message), stopped: () => commands.stopped, close: async () => {} };
    }
    case 'stdout':
      return openStdout(session, to.separator);
  }
}

/** A message counts as written when the operating system has taken its bytes. */
async function openStdout(session: Session, separator: string): Promise<OpenDestination> {
  const { stdout } = session.host;
  if (stdout.wasClosed === true)
    throw new MqError('USAGE', 'stdout is closed or the null device: what is drained would be gone', {
      hint: 'to delete messages: mq purge; if it is meant: --to /dev/null',
    });
  const writer = new BatchWriter((batch) => stdout.writeThrough(batch));
  const frame = await framing(session, separator);
  let count = 0;
  const framed = (message: Message): string | Uint8Array => {
    const before = count++ === 0 ? frame.start : frame.between;
    const rendered = frame.render(message);
    return typeof rendered === 'string' ? before + rendered : Buffer.concat([Buffer.from(before), rendered]);
  };
  const failed: PutOutcome = { status: 'failed', reason: 'the output can no longer be written' };
  return {
    async put(message): Promise<PutOutcome> {
      try {
        await writer.put(framed(message));
        return { status: 'sent', id: message.id };
      } catch {
        return failed;
      }
    },
    async putAll(messages) {
      try {
        await writer.put(joined(messages.map(framed)));
        return messages.map(({ id }): PutOutcome => ({ status: 'sent', id }));
      } catch {
        return messages.map(() => failed);
      }
    },
    async close() {
      await stdout.write(count === 0 ? frame.empty : frame.end);
    },
  };
}

function joined(chunks: readonly (string | Uint8Array)[]): string | Uint8Array {
  const areText = chunks.every((chunk): chunk is string => typeof chunk === 'string');
  return areText ? chunks.join('') : Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
}

interface Framing {
  readonly start: string;
  readonly between: string;
  readonly end: string;
  /** The whole output if there was no message. */
  readonly empty: string;
  readonly render: (message: Message) => string | Uint8Array;
}

async function framing(session: Session, separator: string): Promise<Framing> {
  const { stdout } = session.host;
  const forScreen = stdout.isTerminal ? safeJson : (text: string): string => text;
  const none = { start: '', between: '', end: '', empty: '' };
  switch (session.format('ndjson', 'json', 'yaml', 'text', 'body')) {
    case 'ndjson':
      return { ...none, render: (message) => `${forScreen(JSON.stringify(toEnvelope(message)))}\n` };
    case 'json': {
      const render = (message: Message): string => `  ${forScreen(JSON.stringify(toEnvelope(message)))}`;
      return { start: '[\n', between: ',\n', end: '\n]\n', empty: '[]\n', render };
    }
    case 'yaml': {
      const { stringify } = await import('yaml');
      const safely = stdout.isTerminal ? safeLines : (text: string): string => text;
      return { ...none, empty: '[]\n', render: (message) => safely(stringify([toEnvelope(message)])) };
    }
    case 'text': {
      const strong = (text: string): string => session.paint(stdout, 'bold', text);
      return { ...none, between: '\n', render: (message) => `${messageText(message, session.host.now(), strong)}\n` };
    }
    case 'body':
      return {
        ...none,
        between: separator,
        end: stdout.isTerminal ? '\n' : '',
        render: ({ body }) => bodyFor(session, body),
      };
  }
}
