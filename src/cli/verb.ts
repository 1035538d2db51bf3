import type { Command } from 'commander';
import type { ExitCode } from '../core/exit-codes.ts';
import type { Operand } from './line/operand.ts';
import type { Session } from './session/session.ts';

/**
 * One verb. `declare` states arguments and options, `parse` turns what was given into options and refuses
 * contradictions without touching anything, `run` only works. So parsing is tested without doing, and doing without
 * parsing.
 */
export interface Verb<Flags extends object, Options> {
  /** Said in the help: whether it only reads, or what it changes. */
  readonly effect: string;
  /** At least two. */
  readonly examples: readonly [string, string, ...string[]];
  declare(command: Command): void;
  parse(operands: readonly Operand[], flags: Flags, session: Session): Options | Promise<Options>;
  run(options: Options, session: Session): Promise<ExitCode>;
}

/** A verb whose types have been matched up, ready for the program. */
export interface PreparedVerb {
  readonly effect: string;
  readonly examples: readonly string[];
  declare(command: Command): void;
  execute(operands: readonly Operand[], flags: object, session: Session): Promise<ExitCode>;
}

/** What is known of a verb without loading it. */
export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  /**
   * It changes something on a broker, and so is guarded (`readonly`, `protected`, rules) and written to the history.
   * Absent: it only reads. `asks`: of its own accord, with the counts that it has found.
   */
  readonly changes?: { readonly asks?: true; readonly hasDryRun?: true };
  /** A view that lasts: memory is kept flat for it in another way, and it ends with its terminal. */
  readonly isLive?: true;
  /** It must work when the configuration is broken. */
  readonly needsNoConfiguration?: true;
  /** Each verb is a chunk of its own: only the one that was asked for is loaded. */
  readonly load: () => Promise<PreparedVerb>;
}

/** `Flags` must describe exactly the options that `declare` adds; commander cannot check that. */
export function defineVerb<Flags extends object, Options>(
  verb: Verb<Flags, Options>,
): Verb<Flags, Options> & PreparedVerb {
  return {
    ...verb,
    async execute(operands, flags, session) {
      return verb.run(await verb.parse(operands, flags as Flags, session), session);
    },
  };
}

/** An operand that commander has already required. */
export function word(operand: Operand): string {
  return typeof operand === 'string' ? operand : '';
}

export function words(operand: Operand): readonly string[] {
  return typeof operand === 'object' ? operand : [];
}
