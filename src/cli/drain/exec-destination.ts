import { spawn } from 'node:child_process';
import { formatInstant } from '../../contract/instant.ts';
import type { Message, SendOutcome } from '../../contract/message.ts';
import type { Destination } from '../../core/transfer.ts';
import type { Host, Output } from '../host/host.ts';

export interface ExecOptions {
  /** Run by `sh -c`; nothing of a message becomes part of it. */
  readonly command: string;
  readonly host: Pick<Host, 'env' | 'stderr' | 'onSecondSignal' | 'killGroup'>;
  /** Where the commands' own stdout goes. */
  readonly stdout: Output;
  /** Told at once of each run that failed: a worker may run for weeks before it reports. */
  readonly onFailure: (message: Message, reason: string) => void;
}

const LAST_LINE_CHARACTERS = 500;

/**
 * Runs a command for each message: the body on its stdin, metadata in `MQ_*` variables. Exit 0 means done; anything else is a failed
 * delivery whose reason is the exit code and the last line that the command wrote to stderr.
 *
 * Each command is the leader of a process group of its own, so that Ctrl-C at the terminal reaches `mq` alone and what runs can finish.
 */
export class ExecDestination implements Destination {
  readonly #options: ExecOptions;

  constructor(options: ExecOptions) {
    this.#options = options;
  }

  put(message: Message): Promise<SendOutcome> {
    const { command, host, stdout } = this.#options;
    return new Promise((resolve) => {
      let settled = false;
      const settle = (outcome: SendOutcome): void => {
        if (settled) return;
        settled = true;
        forget();
        resolve(outcome);
      };
      const failed = (reason: string): void => {
        if (!settled) this.#options.onFailure(message, reason);
        settle({ status: 'failed', reason });
      };
      let forget = (): void => {};
      try {
        const env = { ...host.env, ...messageVariables(message) };
        const child = spawn(command, { shell: true, detached: true, env, stdio: ['pipe', 'pipe', 'pipe'] });
        const { pid } = child;
        if (pid !== undefined) forget = host.onSecondSignal(() => host.killGroup(pid));
        let lastLine = '';
        child.stderr.on('data', (chunk: Buffer) => {
          void host.stderr.write(chunk);
          lastLine = lastLineOf(lastLine + chunk.toString('utf8'));
        });
        child.stdout.on('data', (chunk: Buffer) => {
          child.stdout.pause();
          void stdout.write(chunk).then(() => child.stdout.resume());
        });
        // A command need not read its input.
        child.stdin.on('error', () => {});
        child.stdin.end(message.body);
        child.on('error', (error: NodeJS.ErrnoException) =>
          failed(`the command could not be started: ${error.code ?? 'unknown error'}`),
        );
        child.on('close', (code, signal) => {
          if (code === 0) settle({ status: 'sent', id: message.id });
          else
            failed(
              `${signal === null ? `exit ${code}` : `killed by ${signal}`}${lastLine.trim() === '' ? '' : `: ${lastLine.trim()}`}`,
            );
        });
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
        failed(`the command could not be started: ${code}`);
      }
    });
  }
}

/** The last line that is not empty, of text that may go on. */
function lastLineOf(text: string): string {
  const trimmed = text.trimEnd();
  const ending = text.slice(trimmed.length);
  return (trimmed.slice(trimmed.lastIndexOf('\n') + 1) + ending).slice(-LAST_LINE_CHARACTERS);
}

/** What the command gets to know. Absent metadata is an absent variable. */
function messageVariables(message: Message): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  const set = (name: string, value: string | number | null | undefined): void => {
    // An environment variable cannot hold a NUL; the whole is still in MQ_HEADERS, as JSON.
    if (value === null || value === undefined || String(value).includes('\0')) return;
    variables[name] = String(value);
  };
  for (const [name, value] of Object.entries(message.headers)) {
    const key = `MQ_HEADER_${name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
    if (variables[key] === undefined) set(key, typeof value === 'string' ? value : JSON.stringify(value));
  }
  set('MQ_ID', message.id);
  set('MQ_QUEUE', message.queue);
  set('MQ_STATE', message.state);
  set('MQ_RECEIVE_COUNT', message.receiveCount);
  set('MQ_HEADERS', JSON.stringify(message.headers));
  set('MQ_CONTENT_TYPE', message.contentType);
  set('MQ_PRIORITY', message.priority);
  set('MQ_GROUP_ID', message.groupId);
  set('MQ_NAME', message.name);
  set('MQ_ENQUEUED_AT', formatInstant(message.enqueuedAt));
  set('MQ_DEAD_REASON', message.dead?.reason);
  set('MQ_DEAD_ERROR', message.dead?.error);
  return variables;
}
