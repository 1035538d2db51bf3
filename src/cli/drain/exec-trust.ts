import type { Message } from '../../contract/message.ts';

/**
 * After this many failed deliveries without one success, the command itself is broken, and each further delivery would
 * only be used up.
 */
const FIRST_FAILURES = 10;
/** One message that always fails says nothing about the command. */
const DIFFERENT_MESSAGES = 2;

/** The exit codes of a POSIX shell for a command that it cannot run or cannot find. */
const CANNOT_RUN: Readonly<Record<number, string>> = {
  126: 'the command cannot be run (exit 126: is it executable?)',
  127: 'the command was not found (exit 127)',
};

export interface Distrust {
  readonly reason: string;
  /** The shell said so: the command did nothing with the message. */
  readonly cannotRun: boolean;
}

/** Whether a command still deserves messages. */
export class ExecTrust {
  /** Why the command gets no more messages; null: it gets them. */
  lost: Distrust | null = null;
  readonly #keepsGoing: boolean;
  readonly #failedMessages = new Set<string>();
  #failures = 0;
  #worked = false;

  constructor({ keepGoing }: { readonly keepGoing: boolean }) {
    this.#keepsGoing = keepGoing;
  }

  succeeded(): void {
    this.#worked = true;
    this.#failedMessages.clear();
  }

  /** `code`: null if a signal ended it. True: it did nothing with the message, which therefore has had no delivery. */
  failed(message: Message, code: number | null): boolean {
    const cannotRun = code === null ? undefined : CANNOT_RUN[code];
    if (cannotRun !== undefined) {
      this.lost ??= { reason: cannotRun, cannotRun: true };
      return true;
    }
    if (this.#worked || this.#keepsGoing) return false;
    this.#failures += 1;
    if (this.#failedMessages.size < DIFFERENT_MESSAGES) this.#failedMessages.add(message.id ?? bodyKey(message));
    if (this.#failures >= FIRST_FAILURES && this.#failedMessages.size >= DIFFERENT_MESSAGES) {
      this.lost ??= {
        reason: `the first ${this.#failures} deliveries to the command have all failed`,
        cannotRun: false,
      };
    }
    return false;
  }
}

/** A hash long enough to tell two messages without ids apart. */
function bodyKey({ body }: Message): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 4096)).toString('latin1');
}
