import { InexactNumber } from './exact-json.ts';

/** A number of a filter: CEL's int (and uint) as bigint, its double as number. */
export type FilterNumber = bigint | number;

/** CEL's own bounds, which are those of signed and unsigned 64-bit ids. */
const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 64n - 1n;

/**
 * Converts a value of the CEL library to a number; null for any other value. The library's uint is an object around a
 * bigint.
 */
export function asNumber(value: unknown): FilterNumber | null {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  if (value instanceof InexactNumber) throw inexact(value.text);
  const inside: unknown = value.valueOf();
  return typeof inside === 'bigint' ? inside : null;
}

function inexact(text: string): Error {
  const shown = text.length > 30 ? `${text.slice(0, 30)}…` : text;
  return new Error(`${shown} has more digits than can be compared exactly: numbers are exact to 64 bits`);
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';

/** Compares whole numbers with other numbers by their value: JavaScript compares a bigint with a number exactly. */
export function compare(operator: Comparison, left: FilterNumber, right: FilterNumber): boolean {
  switch (operator) {
    case '==':
      // biome-ignore lint/suspicious/noDoubleEquals: 2n is the same number as 2, which === denies
      return left == right;
    case '!=':
      // biome-ignore lint/suspicious/noDoubleEquals: as above
      return left != right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

/**
 * Numbers in a message have no declared type, so arithmetic goes by their value. 2 and 2.0 are the same number, whole
 * numbers stay exact, and 7 / 2 is 3.5 (in CEL itself it is 3). Throws where the result would be rounded, because a
 * rounded id is another message's.
 */
export function reckon(operator: Arithmetic, left: FilterNumber, right: FilterNumber): FilterNumber {
  const [a, b] = [asWhole(left), asWhole(right)];
  if (a !== null && b !== null) return reckonWhole(operator, a, b);
  const [x, y] = [asDouble(left), asDouble(right)];
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      if (y === 0) throw new Error('division by zero');
      return x / y;
    case '%':
      if (y === 0) throw new Error('division by zero');
      return x % y;
  }
}

function reckonWhole(operator: Arithmetic, a: bigint, b: bigint): FilterNumber {
  switch (operator) {
    case '+':
      return within(a + b);
    case '-':
      return within(a - b);
    case '*':
      return within(a * b);
    case '/':
      if (b === 0n) throw new Error('division by zero');
      return a % b === 0n ? within(a / b) : asDouble(a) / asDouble(b);
    case '%':
      if (b === 0n) throw new Error('division by zero');
      return a % b;
  }
}

function within(value: bigint): bigint {
  if (value >= LEAST && value <= GREATEST) return value;
  throw inexact(String(value));
}

function asWhole(value: FilterNumber): bigint | null {
  if (typeof value === 'bigint') return value;
  return Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** Throws if the double would be a different number. */
export function asDouble(value: FilterNumber): number {
  const double = Number(value);
  if (typeof value === 'bigint' && BigInt(double) !== value) throw inexact(String(value));
  return double;
}

/** Equality of JSON values, with numbers compared by their value. `spend` is called for each value that is compared. */
export function equal(left: unknown, right: unknown, spend: (steps: number) => void): boolean {
  spend(1);
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== null && b !== null) return compare('==', a, b);
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => equal(item, right[index], spend));
  const [one, other] = [asEntries(left), asEntries(right)];
  if (one === null || other === null) return left === right || sameInside(left, right);
  return (
    one.size === other.size && [...one].every(([key, value]) => other.has(key) && equal(value, other.get(key), spend))
  );
}

/** True for a JSON list or object, and for a list or map that is written in a filter. */
export function isContainer(value: unknown): boolean {
  return Array.isArray(value) || asEntries(value) !== null;
}

/** Instants and durations: a list in a filter may hold them. */
function sameInside(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null) return false;
  return (
    left.constructor === right.constructor && typeof left.valueOf() === 'number' && left.valueOf() === right.valueOf()
  );
}

function asEntries(value: unknown): ReadonlyMap<unknown, unknown> | null {
  if (value instanceof Map) return value;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return null;
  return new Map(Object.entries(value));
}
