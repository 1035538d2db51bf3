import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import { messageVariables, type VariableName } from './filter-variables.ts';

/** A compiled `--filter`. */
export interface Filter {
  readonly text: string;
  /** False also for a message on which the expression cannot be evaluated; then `onProblem` hears why. */
  matches(message: Message, onProblem: (reason: string) => void): boolean;
}

/**
 * Compiles a CEL expression to a filter. Syntax errors, type errors and unknown names throw `USAGE`, with a caret under the mistake,
 * before any broker is touched.
 *
 * `matches` runs in linear time (RE2): the CEL library's own uses JavaScript's engine, on which one bad pattern took 68 s (measured), and
 * it cannot be replaced by registration. So each call of it is renamed to a method of ours of the same length, which keeps every
 * position in the error messages.
 */
export async function compileFilter(text: string): Promise<Filter> {
  const [{ Environment }, { RE2JS }] = await Promise.all([import('@marcbachmann/cel-js'), import('re2js')]);
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
    return compiled.matcher(subject).find();
  };
  const dead = { from: 'dyn', reason: 'dyn', error: 'dyn', at: 'dyn', count: 'dyn', replays: 'dyn' };
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
    .registerVariable('id', 'dyn')
    .registerVariable('queue', 'string')
    .registerVariable('state', 'string')
    .registerVariable('body', 'dyn')
    .registerVariable('raw', 'string')
    .registerVariable('headers', 'map')
    .registerVariable('receiveCount', 'dyn')
    .registerVariable('age', 'dyn')
    .registerVariable('size', 'int')
    .registerVariable('priority', 'dyn')
    .registerVariable('groupId', 'dyn')
    .registerVariable('name', 'dyn')
    .registerVariable('dead', { schema: dead })
    .registerFunction({
      name: LINEAR_MATCH,
      receiverType: 'string',
      returnType: 'bool',
      params: [{ name: 'pattern', type: 'string' }],
      handler: find,
    });

  const parse = (source: string): ParseResult => {
    try {
      const parsed = environment.parse(source);
      const checked = parsed.check();
      if (!checked.valid) throw checked.error;
      if (checked.type !== undefined && checked.type !== 'bool' && !checked.type.startsWith('dyn')) {
        throw new Error(
          `a filter must be true or false; this one is of type ${checked.type}\n\n>    1 | ${text}\n         ^`,
        );
      }
      return parsed;
    } catch (error) {
      throw filterError(text, error);
    }
  };

  const source = renameMatches(text, parse(text).ast);
  const parsed = parse(source);
  if (matchCalls(parsed.ast).length > 0)
    throw filterError(text, new Error('write matches as value.matches("pattern")'));
  for (const pattern of literalPatterns(parsed.ast)) {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      throw filterError(text, error);
    }
  }

  const used = usedVariables(parsed.ast);
  // The library does not export its Duration; an evaluated one leads to it.
  const zero: { constructor: { fromMilliseconds(milliseconds: number): unknown } } =
    environment.evaluate('duration("0s")');
  const toDuration = (milliseconds: number): unknown => zero.constructor.fromMilliseconds(milliseconds);
  return {
    text,
    matches(message, onProblem) {
      try {
        const result: unknown = parsed(messageVariables(message, used, toDuration));
        if (typeof result === 'boolean') return result;
        onProblem('the expression is not true or false');
      } catch (error) {
        onProblem(summaryOf(error).replaceAll(LINEAR_MATCH, 'matches'));
      }
      return false;
    },
  };
}

/** As many letters as `matches`. */
const LINEAR_MATCH = 'matchRE';

function filterError(text: string, error: unknown): MqError {
  const message = (error instanceof Error ? error.message : 'cannot be read').replaceAll(LINEAR_MATCH, 'matches');
  return new MqError('USAGE', `the filter is not valid: ${message}`, {
    hint:
      text.trim() === ''
        ? 'the filter is empty'
        : "see 'mq help filters' for the names and functions that a filter may use",
  });
}

function summaryOf(error: unknown): string {
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

/** Where each `.matches(` stands: after its receiver. Calls nest from the inside out, so the search starts at the receiver's end. */
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

function literalPatterns(ast: ASTNode): string[] {
  const patterns: string[] = [];
  for (const node of nodesOf(ast)) {
    if (node.op !== 'rcall' || node.args[0] !== LINEAR_MATCH) continue;
    const [pattern] = node.args[2];
    if (pattern?.op === 'value' && typeof pattern.args === 'string') patterns.push(pattern.args);
  }
  return patterns;
}

function usedVariables(ast: ASTNode): ReadonlySet<VariableName> {
  const used = new Set<VariableName>();
  for (const node of nodesOf(ast)) if (node.op === 'id') used.add(node.args as VariableName);
  return used;
}
