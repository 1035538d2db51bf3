import type { Command } from 'commander';
import type { ExitCode } from '../core/exit-codes.ts';
import type { Operand } from './line/operand.ts';
import type { Session } from './session/session.ts';

/**
 * One verb. `declare` states arguments and options. `parse` turns the line into options and refuses contradictions
 * without touching anything. `run` only works. So each can be tested without the other.
 */
export interface Verb<Flags extends object, Options> {
  /** Shown in the help: whether the verb only reads, or what it changes. */
  readonly effect: string;
  /** At least two. */
  readonly examples: readonly [string, string, ...string[]];
  declare(command: Command): void;
  parse(operands: readonly Operand[], flags: Flags, session: Session): Options | Promise<Options>;
  run(options: Options, session: Session): Promise<ExitCode>;
}

/** A verb whose types match, ready for the program. */
export interface PreparedVerb {
  readonly effect: string;
  readonly examples: readonly string[];
  declare(command: Command): void;
  execute(operands: readonly Operand[], flags: object, session: Session): Promise<ExitCode>;
}

/** The facts about a verb that are known without loading it. */
export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  /**
   * It changes something on a broker. So it is guarded (`readonly`, `protected`, rules) and written to the history.
   * Absent: it only reads. `asks`: the verb asks by itself, with the counts that it has found.
   */
  readonly changes?: { readonly asks?: true; readonly hasDryRun?: true };
  /** A view that lasts: its memory is limited in a different way, and it ends with its terminal. */
  readonly isLive?: true;
  /** It must work even if the configuration is broken. */
  readonly needsNoConfiguration?: true;
  /** Each verb is a chunk of its own: only the one on the line is loaded. */
  readonly load: () => Promise<PreparedVerb>;
}

/** `Flags` must describe exactly the options that `declare` adds. Commander cannot check that. */
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
