import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { PATIENT } from './patience.ts';

const BIN = new URL('../../bin/mq.js', import.meta.url).pathname;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as npm installs it, in a process of its own. `npm test` builds it first. `stdin` null: left open. */
export class BuiltProgram {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, stdin: string | null = '') {
    if (!existsSync(new URL('../../dist/main.js', import.meta.url))) throw new Error('not built: npm run build');
    this.child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH: process.env.PATH, ...PATIENT, ...env },
    });
    this.child.stdout?.on('data', (chunk) => {
      this.#stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.child.stdin?.on('error', () => {});
    if (stdin !== null) this.child.stdin?.end(stdin);
    this.finished = once(this.child, 'close').then(([code, signal]) => ({
      ...{ code, signal },
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/**
 * Below the time limit of a test, so that its message is what is read; above what a program takes on a busy machine.
 */
const PATIENCE_MS = 25_000;

/** Resolves when the condition holds; rejects after 25 s. Looks often, since there is nothing to be told by. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
