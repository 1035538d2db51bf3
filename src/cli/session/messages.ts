import type { Secrets } from '../../config/redact.ts';
import { MqError } from '../../contract/errors.ts';
import { safe, safeJson, safeLines } from '../../core/safe-text.ts';
import type { Output } from '../host/host.ts';
import type { Globals } from '../line/globals.ts';
import { paint, type Style } from './paint.ts';

const ERASE_LINE = '\r\u001b[2K';

/**
 * Everything that `mq` says to the person on stderr: errors, notes, summaries and the one line of progress. Everything
 * is made safe for a terminal, even if stderr is a file, because people print files later. Secrets are replaced in
 * everything.
 */
export class Messages {
  readonly #output: Output;
  readonly #globals: Pick<Globals, 'quiet' | 'verbose' | 'color' | 'output'>;
  readonly #secrets: Secrets;
  #progressShown = false;
  #last: Promise<void> = Promise.resolve();

  constructor(output: Output, globals: Pick<Globals, 'quiet' | 'verbose' | 'color' | 'output'>, secrets: Secrets) {
    this.#output = output;
    this.#globals = globals;
    this.#secrets = secrets;
  }

  /** A price, a warning, a reason. Not with `--quiet`. */
  note(text: string): void {
    if (this.#globals.quiet !== true) this.#line(`mq: ${this.#paint('yellow', 'note:')} ${this.#safe(text)}`);
  }

  /** A sentence about what was done. Not with `--quiet`. */
  summary(text: string): void {
    if (this.#globals.quiet !== true) this.#line(`mq: ${this.#safe(text)}`);
  }

  /** A fault that did not stop the work, such as that of one message. Told even with `--quiet`. */
  fault(text: string): void {
    this.#line(`mq: ${this.#paint('red', 'error:')} ${this.#safe(text)}`);
  }

  /** Text that `mq` laid out over several lines, for a prompt. */
  block(lines: readonly string[]): void {
    for (const line of lines) this.#line(this.#safe(line));
  }

  verbose(level: 1 | 2, text: string): void {
    if ((this.#globals.verbose ?? 0) >= level) this.#line(`mq: ${this.#paint('dim', this.#safe(text))}`);
  }

  error(error: MqError): void {
    if (this.#globals.output === 'json' || this.#globals.output === 'ndjson') {
      const { code, message, hint, queue } = error;
      this.#line(safeJson(JSON.stringify(this.#secrets.redactValue({ error: { code, message, hint, queue } }))));
      return;
    }
    // The caret of a filter error needs lines of its own. Such text is the user's own, never a broker's.
    const message = error.code === 'USAGE' ? safeLines(this.#secrets.redact(error.message)) : this.#safe(error.message);
    this.#line(`mq: ${this.#paint('red', 'error:')} ${message}`);
    if (error.hint !== null) this.#line(`    ${this.#paint('dim', 'hint:')} ${this.#safe(error.hint)}`);
  }

  /** An error that is a bug of ours or of a third-party backend, with its stack. */
  bug(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const theirs = /\/backends\/node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//.exec(stack)?.[1];
    const said = error instanceof Error ? error.message : 'something was thrown';
    this.error(
      new MqError('INTERNAL', `a bug in ${theirs === undefined ? 'mq' : `the backend ${theirs}`}: ${said}`, {
        hint: `please report it ${theirs === undefined ? '' : 'to its author, '}with what follows`,
      }),
    );
    this.#line(safeLines(this.#secrets.redact(stack)));
  }

  /**
   * Replaces the line of progress. Call `endProgress` when the work is over. Does nothing without a terminal or with
   * `--quiet`.
   */
  progress(text: string): void {
    if (!this.#output.isTerminal || this.#globals.quiet === true) return;
    this.#progressShown = true;
    this.#write(`${ERASE_LINE}${safe(this.#secrets.redact(text)).slice(0, Math.max(0, this.#output.columns - 1))}`);
  }

  endProgress(): void {
    if (!this.#progressShown) return;
    this.#progressShown = false;
    this.#write(ERASE_LINE);
  }

  /** Resolves when everything said so far is written. */
  flush(): Promise<void> {
    return this.#last;
  }

  /** Secrets are replaced first: once its letters are escaped, a secret would not be recognised. */
  #safe(text: string): string {
    return safe(this.#secrets.redact(text));
  }

  #line(text: string): void {
    this.endProgress();
    this.#write(`${this.#secrets.redact(text)}\n`);
  }

  #write(text: string): void {
    this.#last = this.#output.write(text);
  }

  #paint(style: Style, text: string): string {
    return paint(this.#output, this.#globals.color, style, text);
  }
}
