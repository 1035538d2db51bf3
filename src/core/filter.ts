import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import { MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import { wholeNumber } from './exact-json.ts';
import { Budget, MIXED_OVERLOADS, workBy } from './filter-evaluation.ts';
import { messageVariables, type VariableName } from './filter-variables.ts';
import { filterFault, wrongResult } from './filter-words.ts';

/** A compiled `--filter`. */
export interface Filter {
  readonly text: string;
  /** False also for a message on which the expression cannot be evaluated: then `onProblem` is told why. */
  matches(message: Message, onProblem: (reason: string) => void): boolean;
}

/**
 * Compiles a CEL expression to a filter. Syntax errors, type errors and unknown names throw `USAGE` before any broker
 * is touched, with a caret under the mistake.
 *
 * `matches` runs in linear time (RE2). The CEL library uses JavaScript's engine, on which one bad pattern took 68 s
 * (measured), and its `matches` cannot be replaced by registration. So each call of it is renamed to our own method.
 * The new name has the same length, which keeps every position in the error messages.
 */
export async function compileFilter(text: string): Promise<Filter> {
  const [{ Environment: CelEnvironment }, { RE2JS }] = await Promise.all([
    import('@marcbachmann/cel-js'),
    import('re2js'),
  ]);
  const budget = new Budget();
  const patterns = new Map<string, InstanceType<typeof RE2JS>>();
  const find = (subject: string, pattern: string): boolean => {
    let compiled = patterns.get(pattern);
    if (compiled === undefined) {
      try {
        compiled = RE2JS.compile(pattern);
      } catch (error) {
        throw new Error(`bad regular expression: ${error instanceof Error ? error.message : 'cannot be compiled'}`);
      }
      if (patterns.size > 100) patterns.clear();
      patterns.set(pattern, compiled);
    }
    // The engine is linear but slow: about 50 ns a letter.
    budget.spend(subject.length / 2);
    return compiled.matcher(subject).find();
  };
  const environmentOf = (types: Types): Environment => {
    const made = new CelEnvironment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    for (const signature of MIXED_OVERLOADS) made.registerOperator(signature, neverCalled);
    // A filter may ask whether a value is there even if it always is.
    if (types === KNOWN) for (const type of Object.values(KNOWN)) made.registerOperator(`${type} == null`, neverCalled);
    return made
      .registerVariable('id', types.text)
      .registerVariable('queue', 'string')
      .registerVariable('state', 'string')
      .registerVariable('body', 'dyn')
      .registerVariable('raw', 'string')
      .registerVariable('headers', 'map')
      .registerVariable('receiveCount', types.count)
      .registerVariable('age', types.duration)
      .registerVariable('size', 'int')
      .registerVariable('priority', types.count)
      .registerVariable('groupId', types.text)
      .registerVariable('name', types.text)
      .registerVariable('dead', {
        schema: {
          from: types.text,
          reason: types.text,
          error: types.text,
          at: types.instant,
          count: types.count,
          replays: types.count,
        },
      })
      .registerFunction({
        name: LINEAR_MATCH,
        receiverType: 'string',
        returnType: 'bool',
        params: [{ name: 'pattern', type: 'string' }],
        handler: find,
      });
  };
  const environment = environmentOf(MAY_BE_UNKNOWN);
  const functions = new Set(environment.getDefinitions().functions.map(({ name }) => name));
  const refusal = (error: unknown): MqError => filterError(text, error, (name) => functions.has(name));

  const checked = (source: string, within: Environment): ParseResult => {
    const parsed = within.parse(source);
    const { valid, error, type } = parsed.check();
    if (!valid) throw error;
    if (type !== undefined && type !== 'bool' && !type.startsWith('dyn')) throw new WrongResult(type, pointer(text, 0));
    return parsed;
  };
  const checkKnown = (source: string, asksForNull: boolean): void => {
    try {
      checked(source, environmentOf(KNOWN));
    } catch (error) {
      // A null in a list or in a choice has no type that fits the others, so it is accepted. Any other mistake stays
      // one.
      if (!asksForNull || !/\bnull\b/.test(summaryOf(error))) throw error;
    }
  };
  const parse = (source: string): ParseResult => {
    try {
      const parsed = checked(source, environment);
      checkKnown(source, mentionsNull(parsed.ast));
      return parsed;
    } catch (error) {
      throw refusal(error);
    }
  };

  const source = renameMatches(text, parse(text).ast);
  const parsed = parse(source);
  if (matchCalls(parsed.ast).length > 0) throw refusal(new Error('write matches as value.matches("pattern")'));
  for (const { pattern, at } of literalPatterns(parsed.ast)) {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      throw refusal(new Error(`${error instanceof Error ? error.message : 'bad pattern'}${pointer(text, at)}`));
    }
  }

  for (const { written, at } of inexactLiterals(parsed.ast, source))
    throw refusal(
      new Error(`${written} would be rounded; whole numbers are exact without a point${pointer(text, at)}`),
    );
  workBy(nodesOf(parsed.ast), budget);

  const used = usedVariables(parsed.ast);
  // The library does not export its Duration. Evaluating one leads to the class.
  const zero: { constructor: { fromMilliseconds(milliseconds: number): unknown } } =
    environment.evaluate('duration("0s")');
  const toDuration = (milliseconds: number): unknown => zero.constructor.fromMilliseconds(milliseconds);
  return {
    text,
    matches(message, onProblem) {
      budget.renew();
      try {
        const result: unknown = parsed(messageVariables(message, used, toDuration));
        if (typeof result === 'boolean') return result;
        onProblem('the expression is not true or false');
      } catch (error) {
        const summary = summaryOf(error).replaceAll(LINEAR_MATCH, 'matches');
        onProblem(filterFault(summary, null, (name) => functions.has(name)).text);
      }
      return false;
    },
  };
}

interface Types {
  readonly text: string;
  readonly count: string;
  readonly duration: string;
  readonly instant: string;
}

/**
 * A field that a message may lack is null in that case. When the expression is evaluated, these fields can have any
 * type, and can be compared with null.
 */
const MAY_BE_UNKNOWN: Types = { text: 'dyn', count: 'dyn', duration: 'dyn', instant: 'dyn' };
/**
 * The types of these fields if they are known. An expression that does not mention null and is wrong with these types
 * would match no message at all.
 */
const KNOWN: Types = {
  text: 'string',
  count: 'int',
  duration: 'google.protobuf.Duration',
  instant: 'google.protobuf.Timestamp',
};

function mentionsNull(ast: ASTNode): boolean {
  return [...nodesOf(ast)].some((node) => node.op === 'value' && node.args === null);
}

/** The line of the text, with a caret under the place, as in the library's own errors. */
function pointer(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  const number = before.length;
  const line = text.split('\n')[number - 1] ?? '';
  const margin = `>${String(number).padStart(5)} | `;
  return `\n\n${margin}${line}\n${' '.repeat(margin.length + (before.at(-1)?.length ?? 0))}^`;
}

/** The expression is sound, and its value is of another type than that of a filter. */
class WrongResult extends Error {
  readonly type: string;

  constructor(type: string, place: string) {
    super(`the filter is of type ${type}${place}`);
    this.type = type;
  }
}

/** Has as many letters as `matches`. */
const LINEAR_MATCH = 'matchRE';

/** The library's operators need a handler; our evaluation answers before it is called. */
function neverCalled(): never {
  throw new MqError('INTERNAL', 'an operator of the CEL library was called instead of ours');
}

function filterError(text: string, error: unknown, isFunction: (name: string) => boolean): MqError {
  const message = (error instanceof Error ? error.message : 'cannot be read').replaceAll(LINEAR_MATCH, 'matches');
  const [summary = '', ...place] = message.split(/(?=\n\n>)/);
  const fault = error instanceof WrongResult ? wrongResult(error.type) : filterFault(summary, text, isFunction);
  return new MqError('USAGE', `the filter is not valid: ${fault.text}${place.join('')}`, {
    hint:
      text.trim() === ''
        ? 'the filter is empty'
        : (fault.hint ?? "see 'mq help filters' for the names and functions that a filter may use"),
  });
}

function summaryOf(error: unknown): string {
  if (error instanceof WrongResult) return error.type;
  if (error instanceof Error && 'summary' in error && typeof error.summary === 'string') return error.summary;
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown';
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function* nodesOf(value: unknown): Generator<ASTNode> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesOf(item);
  } else if (isNode(value)) {
    yield value;
    yield* nodesOf(value.args);
  }
}

function matchCalls(ast: ASTNode): ASTNode[] {
  return [...nodesOf(ast)].filter((node) => (node.op === 'rcall' || node.op === 'call') && node.args[0] === 'matches');
}

/**
 * Finds where each `.matches(` is, from the end of its receiver on. Calls nest from the inside out, so the search
 * starts at the receiver's end.
 */
function renameMatches(text: string, ast: ASTNode): string {
  let renamed = text;
  for (const node of matchCalls(ast)) {
    const receiver = node.op === 'rcall' ? node.args[1] : null;
    const at = renamed.indexOf('matches', receiver === null ? node.range.start : receiver.range.end);
    if (at < 0) continue;
    renamed = `${renamed.slice(0, at)}${LINEAR_MATCH}${renamed.slice(at + LINEAR_MATCH.length)}`;
  }
  return renamed;
}

function literalPatterns(ast: ASTNode): { readonly pattern: string; readonly at: number }[] {
  const patterns: { readonly pattern: string; readonly at: number }[] = [];
  for (const node of nodesOf(ast)) {
    if (node.op !== 'rcall' || node.args[0] !== LINEAR_MATCH) continue;
    const [pattern] = node.args[2];
    if (pattern?.op === 'value' && typeof pattern.args === 'string')
      patterns.push({ pattern: pattern.args, at: pattern.range.start });
  }
  return patterns;
}

/** Whole numbers that are written as doubles but that no double can represent. */
function* inexactLiterals(ast: ASTNode, source: string): Generator<{ readonly written: string; readonly at: number }> {
  for (const node of nodesOf(ast)) {
    if (node.op !== 'value' || typeof node.args !== 'number' || Number.isSafeInteger(node.args)) continue;
    const written = source.slice(node.range.start, node.range.end);
    const whole = Number.isInteger(node.args) ? wholeNumber(written) : null;
    if (whole !== null && whole !== BigInt(node.args)) yield { written, at: node.range.start };
  }
}

function usedVariables(ast: ASTNode): ReadonlySet<VariableName> {
  const used = new Set<VariableName>();
  for (const node of nodesOf(ast)) if (node.op === 'id') used.add(node.args as VariableName);
  return used;
}
