import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { MQ } from './mq.ts';

export type ShellName = 'bash' | 'zsh' | 'fish';

const ROOT = new URL('../..', import.meta.url).pathname;

interface ShellStart {
  readonly program: string;
  /** A folder of its own; becomes HOME and the working directory. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

const ARGS: Readonly<Record<ShellName, readonly string[]>> = {
  bash: ['--norc', '--noprofile', '-i'],
  zsh: ['-f', '-i'],
  fish: ['--no-config', '-i'],
};

const SETUP: Readonly<Record<ShellName, (script: string) => string>> = {
  bash: (script) => `source ${script}`,
  zsh: (script) => `autoload -Uz compinit && compinit -u -D && source ${script}`,
  fish: (script) => `source ${script}`,
};

/** Of one line: below the time limit of a test. */
const PATIENCE_MS = 20_000;

/**
 * A real shell in a pseudo-terminal, with the completion of `mq` loaded. A command `mq` that is not a completion does
 * not run: its arguments are kept, as the shell has read them.
 */
export class ShellSession {
  readonly #pty: ReturnType<typeof spawn>;
  readonly #argsFile: string;
  #screen = '';
  #ended = false;

  private constructor(pty: ReturnType<typeof spawn>, argsFile: string) {
    this.#pty = pty;
    this.#argsFile = argsFile;
    pty.onData((data) => {
      this.#screen += data;
    });
    pty.onExit(() => {
      this.#ended = true;
    });
  }

  static async start(shell: ShellName, { program, home, env }: ShellStart): Promise<ShellSession> {
    const bin = join(home, 'bin');
    const argsFile = join(home, 'args');
    await mkdir(bin, { recursive: true });
    await writeFile(
      join(bin, 'mq'),
      [
        '#!/bin/sh',
        `if [ "$1" = __complete ]; then exec '${process.execPath}' '${MQ}' "$@"; fi`,
        `for arg do printf '%s\\0' "$arg"; done > '${argsFile}.part'`,
        `mv '${argsFile}.part' '${argsFile}'`,
        '',
      ].join('\n'),
    );
    await chmod(join(bin, 'mq'), 0o755);
    const pty = spawn(program, [...ARGS[shell]], {
      cols: 200,
      rows: 50,
      cwd: home,
      env: { ...env, HOME: home, PATH: `${bin}:/usr/bin:/bin`, TERM: 'xterm', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
    });
    const session = new ShellSession(pty, argsFile);
    // `mq` leaves its arguments behind, which shows that the shell has come so far.
    await session.type(`${SETUP[shell](join(ROOT, 'completions', `mq.${shell}`))}\rmq loaded\r`);
    return session;
  }

  /** Types text, Tab and Enter included, and gives the arguments of the `mq` that was run by it. */
  async type(text: string): Promise<readonly string[]> {
    await rm(this.#argsFile, { force: true });
    this.#screen = '';
    this.#pty.write(text);
    const deadline = Date.now() + PATIENCE_MS;
    while (!existsSync(this.#argsFile)) {
      if (this.#ended) throw new Error(`the shell has ended: ${JSON.stringify(this.#screen)}`);
      if (Date.now() > deadline) {
        this.#pty.write('\u0003');
        throw new Error(`nothing was run; the screen: ${JSON.stringify(this.#screen)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return (await readFile(this.#argsFile, 'utf8')).split('\0').slice(0, -1);
  }

  /** Resolves when the shell has ended. */
  async end(): Promise<void> {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#pty.onExit(resolve));
    this.#pty.kill('SIGKILL');
    await ended;
  }
}
