import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allBackends, backendFor } from '../../src/backends/registry.ts';
import type { Host, Output, StopCause } from '../../src/cli/host/host.ts';
import { runCommandLine } from '../../src/cli/start/run.ts';
import type { Broker } from '../../src/contract/broker.ts';
import { PATIENT } from './patience.ts';

export interface RunOptions {
  /** Bytes on stdin; without it stdin is empty. */
  readonly stdin?: string | Uint8Array;
  /** Which streams are terminals; none without it. */
  readonly terminals?: { readonly stdin?: boolean; readonly stdout?: boolean; readonly stderr?: boolean };
  readonly columns?: number;
  /** What the person answers; null ends the input. Without it a question fails the test. */
  readonly answers?: readonly (string | null)[];
  readonly env?: Readonly<Record<string, string>>;
  /** Opened instead of the one that the URL names. */
  readonly broker?: Broker;
  /** Called with the URL instead of opening what it names. */
  readonly open?: (url: string) => Promise<Broker>;
  /** Thrown instead of opening a broker. */
  readonly openError?: unknown;
  /** Aborted when the person presses Ctrl-C. */
  readonly interrupt?: AbortSignal;
  /** Called with each chunk that is written to stdout; may stop the run. */
  readonly onStdout?: (text: string, stop: (cause: StopCause) => void) => void;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as bytes. */
  readonly bytes: Uint8Array;
  readonly questions: readonly string[];
}

/** A folder of its own with an embedded queue, and `mq` run in this process on it. */
export class CommandLine {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<CommandLine> {
    return new CommandLine(await mkdtemp(join(tmpdir(), 'mq-cli-')));
  }

  get url(): string {
    return `sqlite:${join(this.folder, 'queues.db')}`;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** As `run`, for a command that has to succeed. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(args, options);
    if (ran.code !== 0) throw new Error(`mq ${args.join(' ')} ended with ${ran.code}: ${ran.stderr}`);
    return ran;
  }

  async json(args: readonly string[], options: RunOptions = {}): Promise<unknown> {
    return JSON.parse((await this.ok([...args, '-o', 'json'], options)).stdout);
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const stop = new AbortController();
    const interruption = new AbortController();
    let cause: StopCause | null = null;
    const stopBy = (by: StopCause): void => {
      cause = by;
      if (by !== 'stdout-closed') interruption.abort();
      stop.abort();
    };
    options.interrupt?.addEventListener('abort', () => stopBy('SIGINT'), { once: true });
    const questions: string[] = [];
    const answers = [...(options.answers ?? [])];
    const stdout = capture(options, 'stdout', (text) => options.onStdout?.(text, stopBy));
    const stderr = capture(options, 'stderr', () => {});
    const host: Host = {
      stdin: {
        isTerminal: options.terminals?.stdin ?? false,
        chunks: (async function* () {
          if (options.stdin !== undefined) yield Buffer.from(options.stdin);
        })(),
        async ask(question) {
          questions.push(question);
          const answer = answers.shift();
          if (answer === undefined) throw new Error(`nobody expected the question: ${question}`);
          return answer;
        },
      },
      terminal: () => null,
      stdout: stdout.output,
      stderr: stderr.output,
      env: { MQ_URL: this.url, HOME: this.folder, PATH: process.env.PATH, ...PATIENT, ...options.env },
      startForCaller: (start) => start(),
      cwd: this.folder,
      platform: 'v24.0.0 on test',
      now: Date.now,
      signal: stop.signal,
      interruption: interruption.signal,
      stopCause: () => cause,
      onSecondSignal: () => () => {},
      killGroup: () => {},
      openBroker: async (url, openOptions) => {
        if (options.openError !== undefined) throw options.openError;
        return options.open?.(url) ?? options.broker ?? (await backendFor(url)).open(url, openOptions);
      },
      listKinds: async () => (await allBackends()).flatMap((backend) => backend.kinds),
    };
    const code = await runCommandLine(args, host);
    const bytes = Buffer.concat(stdout.chunks);
    return {
      code,
      stdout: bytes.toString('utf8'),
      stderr: Buffer.concat(stderr.chunks).toString('utf8'),
      bytes,
      questions,
    };
  }
}

function capture(
  options: RunOptions,
  stream: 'stdout' | 'stderr',
  onText: (text: string) => void,
): { readonly chunks: Buffer[]; readonly output: Output } {
  const chunks: Buffer[] = [];
  const add = async (chunk: string | Uint8Array): Promise<void> => {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    onText(bytes.toString('utf8'));
  };
  return {
    chunks,
    output: {
      isTerminal: options.terminals?.[stream] ?? false,
      hasColor: false,
      columns: options.columns ?? 80,
      write: add,
      writeThrough: add,
    },
  };
}
