import { spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';
import { PATIENT } from './patience.ts';

export interface PseudoTerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly exitCode: number;
  readonly signal: number | undefined;
}

/** A program in a real pseudo-terminal, and what a terminal makes of its output. */
export class PseudoTerminal implements AsyncDisposable {
  readonly #process: ReturnType<typeof spawn>;
  readonly #screen: InstanceType<typeof headless.Terminal>;
  /** Everything that the program has written. */
  output = '';
  title: string | null = null;
  readonly exited: Promise<Exit>;
  #hasExited = false;
  #pending: Promise<void> = Promise.resolve();

  constructor(program: string, args: readonly string[], { columns, rows, env = {} }: PseudoTerminalOptions) {
    const inherited = Object.entries(process.env).filter(
      ([name, value]) =>
        value !== undefined && !['CI', 'NO_COLOR', 'FORCE_COLOR', 'LANG', 'LC_ALL', 'LC_CTYPE'].includes(name),
    );
    this.#screen = new headless.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#screen.onTitleChange((title) => {
      this.title = title;
    });
    this.#process = spawn(program, [...args], {
      // What the program sees as TERM.
      name: env.TERM ?? 'xterm-256color',
      cols: columns,
      rows,
      env: { ...Object.fromEntries(inherited), LANG: 'C.UTF-8', TZ: 'UTC', ...PATIENT, ...env } as Record<
        string,
        string
      >,
    });
    this.#process.onData((data) => {
      this.output += data;
      this.#pending = new Promise((resolve) => this.#screen.write(data, resolve));
    });
    this.exited = new Promise((resolve) => {
      this.#process.onExit(({ exitCode, signal }) => {
        this.#hasExited = true;
        // The terminal may still be reading the last of what the program said.
        void this.#pending.then(() => resolve({ exitCode, signal }));
      });
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** `alternate` while a full-screen view has the terminal. */
  get buffer(): 'normal' | 'alternate' {
    return this.#screen.buffer.active.type;
  }

  /** What stands on the screen, line by line, without the blanks at the ends. */
  lines(): string[] {
    const { active } = this.#screen.buffer;
    return Array.from({ length: this.#screen.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  text(): string {
    return this.lines().join('\n');
  }

  write(keys: string): void {
    this.#process.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    this.#process.resize(columns, rows);
  }

  kill(signal: string): void {
    this.#process.kill(signal);
  }

  /** As when its window is closed: the program's terminal is gone, and the system sends it SIGHUP. */
  close(): void {
    const ends: object = this.#process;
    if (!('destroy' in ends) || typeof ends.destroy !== 'function') throw new Error('this terminal cannot be closed');
    ends.destroy();
  }

  /** Resolves when the screen fits; rejects with the screen after `timeoutMs`. */
  async until(expected: RegExp | ((text: string) => boolean), timeoutMs = 20_000): Promise<string> {
    const fits = typeof expected === 'function' ? expected : (text: string) => expected.test(text);
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      await this.#pending;
      const text = this.text();
      if (fits(text)) return text;
      if (Date.now() > deadline) {
        throw new Error(
          `the screen never showed ${expected}${this.#hasExited ? ' (the program has ended)' : ''}:\n${text}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasExited) this.#process.kill('SIGKILL');
    await this.exited;
    this.#screen.dispose();
  }
}
