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
 * How much work one message may cost, in steps of about 100 ns: an element that a comprehension visits is one, and so
 * is a look at each few hundred letters of a text. Three nested comprehensions over a list of a thousand would take
 * minutes, in which no signal is heard.
 */
const STEPS_A_MESSAGE = 2_000_000;
const LETTERS_A_STEP = 256;

/** What is left of the work that one message may cost. */
export class Budget {
  #left = STEPS_A_MESSAGE;
  /** One for all: what is thrown a thousand times on the way out must cost nothing to make. */
  readonly #spent = new Error('the expression takes too long on it: a comprehension within another visits too much');

  renew(): void {
    this.#left = STEPS_A_MESSAGE;
  }

  /** Throws when nothing is left, and from then on always. */
  readonly spend = (steps: number): void => {
    this.#left -= steps;
    if (this.#left < 0) throw this.#spent;
  };

  look(value: unknown): void {
    this.spend(typeof value === 'string' ? 1 + Math.floor(value.length / LETTERS_A_STEP) : 1);
  }
}

/** How the CEL library works on a node once it is checked; not in its types. */
interface Workings {
  handle?: Handle;
  readonly meta?: { readonly alternate?: ASTNode & Workings };
}
type Handle = (this: unknown, ...args: unknown[]) => unknown;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%']);

/**
 * Overloads that CEL does not have, so that its check of types lets mixed arithmetic pass. They are never called:
 * `workBy` answers for numbers first.
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
 * Makes the checked nodes of an expression work by our numbers and our budget: the library's operators refuse an int
 * beside a double, round where a message's number is exact, and loop without end. Everything that is neither a number
 * nor a loop stays the library's.
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
      // Macros such as `has` have no work of their own.
      else if (workings.handle !== undefined) wrap(workings, (args) => called(op, String(node.args[0]), args, budget));
    }
  }
}

/** `own` answers, or leaves it to the library with undefined. */
function wrap(node: Workings, own: (...args: readonly unknown[]) => unknown): void {
  const { handle } = node;
  if (handle === undefined) throw new MqError('INTERNAL', 'the CEL library works in another way than was known');
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
