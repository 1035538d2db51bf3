import type { ASTNode } from '@marcbachmann/cel-js';
import { MqError } from '../contract/errors.ts';
import {
  type Arithmetic,
  asDouble,
  asNumber,
  type Comparison,
  compare,
  equal,
  isContainer,
  reckon,
} from './filter-numbers.ts';

/**
 * How much work one message may cost, in steps of about 100 ns. One step is an element that a comprehension visits, or
 * a look at a few hundred letters of a text. Three nested comprehensions over a list of a thousand would take minutes,
 * and no signal is heard meanwhile.
 */
const STEPS_A_MESSAGE = 2_000_000;
const LETTERS_A_STEP = 256;

/** The work that one message may still cost. */
export class Budget {
  #left = STEPS_A_MESSAGE;
  /** One object for all: it may be thrown a thousand times, so creating it must cost nothing. */
  readonly #spent = new Error('the expression takes too long on it: a comprehension within another visits too much');

  renew(): void {
    this.#left = STEPS_A_MESSAGE;
  }

  /** Throws when nothing is left, and keeps throwing from then on. */
  readonly spend = (steps: number): void => {
    this.#left -= steps;
    if (this.#left < 0) throw this.#spent;
  };

  look(value: unknown): void {
    this.spend(typeof value === 'string' ? 1 + Math.floor(value.length / LETTERS_A_STEP) : 1);
  }
}

/** How the CEL library evaluates a checked node. This is not in its types. */
interface Workings {
  handle?: Handle;
  readonly meta?: { readonly alternate?: ASTNode & Workings };
}
type Handle = (this: unknown, ...args: unknown[]) => unknown;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%']);

/**
 * Overloads that CEL does not have. With them, its type check accepts mixed arithmetic. They are never called: `workBy`
 * answers for numbers first.
 */
export const MIXED_OVERLOADS: readonly string[] = [
  ...[...ARITHMETIC].flatMap((operator) =>
    [
      ['int', 'double'],
      ['double', 'int'],
      ['int', 'uint'],
      ['uint', 'int'],
      ['double', 'uint'],
      ['uint', 'double'],
    ].map(([left, right]) => `${left} ${operator} ${right}: double`),
  ),
  'double % double: double',
  'int == double',
  'int == uint',
  'double == uint',
];

/**
 * Makes the checked nodes of an expression use our numbers and our budget. The library's operators refuse an int beside
 * a double, round where a message's number is exact, and loop without end. Everything that is neither a number nor a
 * loop stays the library's.
 */
export function workBy(nodes: Iterable<ASTNode>, budget: Budget): void {
  for (const node of nodes) {
    const { op } = node;
    const workings = node as ASTNode & Workings;
    if (COMPARISONS.has(op)) wrap(workings, (left, right) => compared(op as Comparison, left, right, budget));
    else if (ARITHMETIC.has(op)) wrap(workings, (left, right) => reckoned(op as Arithmetic, left, right, budget));
    else if (op === 'in') wrap(workings, (left, right) => contained(left, right, budget));
    else if (op === 'call' || op === 'rcall') {
      const loop = workings.meta?.alternate;
      if (loop !== undefined) wrap(loop, (items) => visited(items, budget));
      // Macros such as `has` have no evaluator of their own.
      else if (workings.handle !== undefined) wrap(workings, (args) => called(op, String(node.args[0]), args, budget));
    }
  }
}

/** `own` answers, or returns undefined to leave it to the library. */
function wrap(node: Workings, own: (...args: readonly unknown[]) => unknown): void {
  const { handle } = node;
  if (handle === undefined) throw new MqError('INTERNAL', 'the CEL library does not work as expected');
  node.handle = function (...args) {
    const answer = own(...args);
    return answer === undefined ? handle.apply(this, args) : answer;
  };
}

function compared(operator: Comparison, left: unknown, right: unknown, budget: Budget): boolean | undefined {
  budget.look(left);
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== null && b !== null) return compare(operator, a, b);
  if (operator !== '==' && operator !== '!=') return undefined;
  if (!isContainer(left) || !isContainer(right)) return undefined;
  return equal(left, right, budget.spend) === (operator === '==');
}

function reckoned(operator: Arithmetic, left: unknown, right: unknown, budget: Budget): unknown {
  budget.look(left);
  const [a, b] = [asNumber(left), asNumber(right)];
  return a === null || b === null ? undefined : reckon(operator, a, b);
}

function contained(left: unknown, right: unknown, budget: Budget): boolean | undefined {
  if (!Array.isArray(right)) return undefined;
  return right.some((item) => equal(left, item, budget.spend));
}

function visited(items: unknown, budget: Budget): undefined {
  const count = Array.isArray(items) ? items.length : items instanceof Map ? items.size : 1;
  budget.spend(1 + count);
}

function called(op: string, name: string, args: unknown, budget: Budget): unknown {
  if (!Array.isArray(args)) return undefined;
  for (const argument of args) budget.look(argument);
  const [only] = args;
  return op === 'call' && name === 'double' && typeof only === 'bigint' ? asDouble(only) : undefined;
}
