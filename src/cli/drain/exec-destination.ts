import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { formatInstant } from '../../contract/instant.ts';
import type { Message } from '../../contract/message.ts';
import type { Destination, PutOutcome } from '../../core/transfer.ts';
import type { Host, Output } from '../host/host.ts';
import { type Distrust, ExecTrust } from './exec-trust.ts';

export interface ExecOptions {
  /** Run by `sh -c`. Nothing of a message becomes part of it. */
  readonly command: string;
  readonly host: Pick<Host, 'env' | 'stderr' | 'onSecondSignal' | 'killGroup' | 'startForCaller'>;
  /** Where the commands' own stdout goes. */
  readonly stdout: Output;
  /** Go on even if the first deliveries all fail. */
  readonly keepGoing: boolean;
  /** Called at once for each failed run: a worker may run for weeks before it reports. */
  readonly onFailure: (message: Message, reason: string) => void;
}

const LAST_LINE_CHARACTERS = 500;
/** After the command has ended: how long its output must be silent before it counts as complete. */
const QUIET_MS = 500;

/**
 * Runs a command for each message: the body on its stdin, metadata in `MQ_*` variables. Exit 0 means done. Anything
 * else is a failed delivery; its reason is the exit code and the last line that the command wrote to stderr.
 *
 * Each command leads a process group of its own, so that Ctrl-C at the terminal reaches only `mq`, and running commands
 * can finish.
 */
export class ExecDestination implements Destination {
  readonly #options: ExecOptions;
  readonly #trust: ExecTrust;

  constructor(options: ExecOptions) {
    this.#options = options;
    this.#trust = new ExecTrust(options);
  }

  /** Why no further message was given to the command; null: nothing was wrong with it. */
  get stopped(): Distrust | null {
    return this.#trust.lost;
  }

  put(message: Message): Promise<PutOutcome> {
    const { command, host, stdout } = this.#options;
    const { lost } = this.#trust;
    if (lost !== null) return Promise.resolve({ status: 'not-taken', reason: lost.reason });
    return new Promise((resolve) => {
      let settled = false;
      const settle = (outcome: PutOutcome): void => {
        if (settled) return;
        settled = true;
        forget();
        resolve(outcome);
      };
      const failed = (reason: string, code: number | null = null): void => {
        if (settled) return;
        const isTaken = !this.#trust.failed(message, code);
        if (isTaken) this.#options.onFailure(message, reason);
        settle({ status: isTaken ? 'failed' : 'not-taken', reason });
      };
      let forget = (): void => {};
      try {
        const env = { ...ownVariables(host.env), ...messageVariables(message) };
        const child = host.startForCaller(() =>
          spawn(command, { shell: true, detached: true, env, stdio: ['pipe', 'pipe', 'pipe'] }),
        );
        const { pid } = child;
        if (pid !== undefined) forget = host.onSecondSignal(() => host.killGroup(pid));
        let lastLine = '';
        let writing = 0;
        let quiet: NodeJS.Timeout | undefined;
        child.stderr.on('data', (chunk: Buffer) => {
          quiet?.refresh();
          void host.stderr.write(chunk);
          lastLine = lastLineOf(lastLine + chunk.toString('utf8'));
        });
        child.stdout.on('data', (chunk: Buffer) => {
          child.stdout.pause();
          writing += 1;
          void stdout.write(chunk).then(() => {
            writing -= 1;
            quiet?.refresh();
            child.stdout.resume();
          });
        });
        // A command need not read its input.
        child.stdin.on('error', () => {});
        child.stdin.end(message.body);
        child.on('error', (error: NodeJS.ErrnoException) =>
          failed(`the command could not be started: ${error.code ?? 'unknown error'}`),
        );
        const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
          clearTimeout(quiet);
          const said = lastLine.trim() === '' ? '' : `: ${lastLine.trim()}`;
          if (code === 0) {
            this.#trust.succeeded();
            settle({ status: 'sent', id: message.id });
          } else failed(`${signal === null ? `exit ${code}` : `killed by ${signal}`}${said}`, code);
        };
        child.on('close', ended);
        // A process that the command left running in the background holds its output open, maybe for days: then silence
        // marks the end.
        child.on('exit', (code, signal) => {
          quiet = setTimeout(() => {
            if (writing > 0) {
              quiet?.refresh();
              return;
            }
            for (const pipe of [child.stdout, child.stderr]) (pipe as Socket).unref();
            ended(code, signal);
          }, QUIET_MS);
        });
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
        failed(`the command could not be started: ${code}`);
      }
    });
  }
}

/** The last line that is not empty, of text that may continue. */
function lastLineOf(text: string): string {
  const trimmed = text.trimEnd();
  const ending = text.slice(trimmed.length);
  return (trimmed.slice(trimmed.lastIndexOf('\n') + 1) + ending).slice(-LAST_LINE_CHARACTERS);
}

/**
 * The environment of `mq` without the variables of an outer `drain --exec`: a message without a header must not seem to
 * have that of another.
 */
function ownVariables(env: Host['env']): Host['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !MESSAGE_VARIABLE.test(name)));
}

const MESSAGE_VARIABLE =
  /^MQ_(HEADER_.*|HEADERS|ID|QUEUE|STATE|RECEIVE_COUNT|CONTENT_TYPE|PRIORITY|GROUP_ID|NAME|ENQUEUED_AT|DEAD_REASON|DEAD_ERROR)$/s;

/** The variables for the command. Absent metadata is an absent variable. */
function messageVariables(message: Message): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  const set = (name: string, value: string | number | null | undefined): void => {
    // An environment variable cannot contain a NUL. The whole value is still in MQ_HEADERS, as JSON.
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
