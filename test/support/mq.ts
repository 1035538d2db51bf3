import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENT } from './patience.ts';

/** The program as npm installs it: `bin/mq.js` with the built `dist`. */
export const MQ = new URL('../../bin/mq.js', import.meta.url).pathname;

/** Where the programs of this test file keep their history and find no configuration. */
const HOME = mkdtempSync(join(tmpdir(), 'mq-test-home-'));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
}

export interface MqOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Starts the built program without a terminal and with an environment that holds nothing of the developer's own
 * configuration.
 */
export function startMq(args: readonly string[], options: MqOptions = {}): Running {
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MQ_|XDG_|AWS_|NO_COLOR|FORCE_COLOR)/.test(name)),
  );
  const child = spawn(process.execPath, [MQ, ...args], {
    env: { ...own, HOME, ...PATIENT, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stdin?.on('error', () => {});
  if (options.input !== undefined) child.stdin?.end(options.input);
  const pieces = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on('data', (chunk: Buffer) => pieces.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => pieces.stderr.push(chunk));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(pieces.stdout).toString(),
        stderr: Buffer.concat(pieces.stderr).toString(),
      }),
    );
  });
  return { process: child, finished };
}

/** Runs it to its end, whatever that is. */
export function runMq(args: readonly string[], options: MqOptions = {}): Promise<Finished> {
  return startMq(args, options).finished;
}

/** Runs it, expects exit code 0, and reads its output as one JSON document. */
export async function jsonOf<T>(args: readonly string[], options: MqOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await runMq(args, options);
  if (code !== 0) throw new Error(`mq ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
