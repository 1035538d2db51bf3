import type { Argument, Command, Option } from 'commander';

/** What can follow at the cursor. */
export type Expected =
  | { readonly what: 'verb' }
  | { readonly what: 'flag'; readonly options: readonly Option[] }
  /** `prefix` is already on the line and stays before the value: `--output=`. */
  | { readonly what: 'value'; readonly option: Option; readonly prefix: string }
  | { readonly what: 'operand'; readonly argument: Argument; readonly given: readonly string[] }
  /** The name of a verb or a topic, after `help`. */
  | { readonly what: 'help' }
  | { readonly what: 'nothing' };

export interface Cursor {
  readonly expected: Expected;
  /** The part of the current word to complete. */
  readonly typed: string;
  /** Everything after `--` is an operand. */
  readonly onlyOperands: boolean;
  /** The options before the cursor, by their long names, with the last value of each. */
  readonly given: ReadonlyMap<string, string>;
}

/** The first word that is neither an option nor the value of one; null: none so far. */
export function verbIn(program: Command, words: readonly string[]): string | null {
  return walk(program, () => null, words).operands[0] ?? null;
}

/**
 * Finds out what can follow at the cursor by walking commander's own tree. `words` are the words before the current
 * one.
 */
export function locateCursor(program: Command, words: readonly string[], current: string): Cursor {
  const find = (name: string): Command | null => program.commands.find((command) => command.name() === name) ?? null;
  const { options, operands, command, pending, onlyOperands, given } = walk(program, find, words);
  const base = { typed: current, onlyOperands, given };
  if (pending !== null) return { ...base, expected: { what: 'value', option: pending, prefix: '' } };
  if (!onlyOperands && current.startsWith('-')) {
    const equals = current.indexOf('=');
    if (current.startsWith('--') && equals !== -1) {
      const option = options.find(({ long }) => long === current.slice(0, equals));
      if (option === undefined || !takesValue(option)) return { ...base, expected: { what: 'nothing' } };
      const prefix = current.slice(0, equals + 1);
      return { ...base, typed: current.slice(equals + 1), expected: { what: 'value', option, prefix } };
    }
    return { ...base, expected: { what: 'flag', options } };
  }
  if (operands.length === 0) return { ...base, expected: { what: 'verb' } };
  // Commander's own help command is not among the commands.
  if (operands[0] === 'help') return { ...base, expected: { what: operands.length === 1 ? 'help' : 'nothing' } };
  const operandsGiven = operands.slice(1);
  const expected = command?.registeredArguments ?? [];
  const argument = expected[operandsGiven.length] ?? (expected.at(-1)?.variadic === true ? expected.at(-1) : undefined);
  if (argument === undefined) return { ...base, expected: { what: 'nothing' } };
  return { ...base, expected: { what: 'operand', argument, given: operandsGiven } };
}

interface Walked {
  readonly options: readonly Option[];
  readonly operands: readonly string[];
  readonly command: Command | null;
  /** The option whose value comes next. */
  readonly pending: Option | null;
  readonly onlyOperands: boolean;
  readonly given: ReadonlyMap<string, string>;
}

function walk(program: Command, find: (verb: string) => Command | null, words: readonly string[]): Walked {
  let options: readonly Option[] = visible(program);
  let command: Command | null = null;
  let pending: Option | null = null;
  let onlyOperands = false;
  const operands: string[] = [];
  const given = new Map<string, string>();
  const take = (option: Option, value: string): void => {
    given.set(option.long ?? option.short ?? '', value);
  };

  for (const word of words) {
    if (pending !== null) {
      take(pending, word);
      pending = null;
    } else if (onlyOperands || !word.startsWith('-') || word === '-') {
      operands.push(word);
      if (operands.length === 1) {
        command = find(word);
        if (command !== null) options = [...visible(command), ...options];
      }
    } else if (word === '--') {
      onlyOperands = true;
    } else if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const option = options.find(({ long }) => long === (equals === -1 ? word : word.slice(0, equals)));
      if (option !== undefined && equals !== -1) take(option, word.slice(equals + 1));
      else if (option?.required === true) pending = option;
    } else {
      pending = shortOptions(word, options, take);
    }
  }
  return { options, operands, command, pending, onlyOperands, given };
}

/** `-vo json`, `-ojson`: the option that still waits for its value; null: none. */
function shortOptions(
  word: string,
  options: readonly Option[],
  take: (option: Option, value: string) => void,
): Option | null {
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === `-${word[at]}`);
    if (option === undefined) return null;
    if (!takesValue(option)) continue;
    const rest = word.slice(at + 1);
    if (rest === '') return option.required ? option : null;
    take(option, rest);
    return null;
  }
  return null;
}

/** A switch, such as `--no-input`, takes no value. */
function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function visible(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}
