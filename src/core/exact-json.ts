/**
 * A number that no value here can hold exactly. A filter that reads it cannot decide; any other filter is unaffected.
 */
export class InexactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * JSON as it is written: whole numbers become bigint and objects become Map, so that no key of a message has a special
 * meaning in JavaScript.
 */
export type ExactValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | InexactNumber
  | readonly ExactValue[]
  | ReadonlyMap<string, ExactValue>;

const LEAST = -(2n ** 63n);
/** Includes unsigned 64-bit ids. */
const GREATEST = 2n ** 64n - 1n;
const MAX_DEPTH = 1_000;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
/** The characters that end or escape a string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them within strings
const SPECIAL = /[\\\u0000-\u001f]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads JSON (RFC 8259) without rounding. `JSON.parse` makes a double of each number, which turns 9007199254740993 into
 * its neighbour. Throws `SyntaxError` for text that is not JSON, and `RangeError` for JSON that is nested too deeply.
 */
export function parseExactJson(text: string): ExactValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** A number as it is written. */
function exactNumber(text: string, hasPoint: boolean): number | bigint | InexactNumber {
  if (!hasPoint) {
    // A double is exact up to 15 digits, and it is quicker to make.
    if (text.length <= 15) return BigInt(Number(text));
    // This is longer than any 64-bit number, and turning it into a bigint would take time.
    if (text.length > 21) return new InexactNumber(text);
    const whole = BigInt(text);
    return whole >= LEAST && whole <= GREATEST ? whole : new InexactNumber(text);
  }
  const value = Number(text);
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER || Math.abs(value) >= 2 ** 64) return value;
  return wholeNumber(text) ?? new InexactNumber(text);
}

/**
 * 12345678901234567.0 and 1.2345678901234567e16 are whole. Null for a number that has a fraction or more digits than
 * any useful number.
 */
export function wholeNumber(text: string): bigint | null {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const shift = Number(exponent) - fraction.length;
  if (Math.abs(shift) > 1_000 || mantissa.length > 1_000) return null;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  return digits % unit === 0n ? digits / unit : null;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#wrong();
  }

  value(depth: number): ExactValue {
    this.#space();
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x22:
        return this.#string();
      case 0x7b:
        return this.#object(depth);
      case 0x5b:
        return this.#array(depth);
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): ExactValue {
    const object = new Map<string, ExactValue>();
    this.#enter(depth);
    if (this.#closes(0x7d)) return object;
    for (;;) {
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#wrong();
      const key = this.#string();
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 0x3a) throw this.#wrong();
      this.#at += 1;
      object.set(key, this.value(depth + 1));
      if (this.#closes(0x7d)) return object;
      this.#comma();
    }
  }

  #array(depth: number): ExactValue {
    const array: ExactValue[] = [];
    this.#enter(depth);
    if (this.#closes(0x5d)) return array;
    for (;;) {
      array.push(this.value(depth + 1));
      if (this.#closes(0x5d)) return array;
      this.#comma();
    }
  }

  #enter(depth: number): void {
    if (depth >= MAX_DEPTH) throw new RangeError(`the JSON is nested more than ${MAX_DEPTH} levels deep`);
    this.#at += 1;
  }

  #closes(bracket: number): boolean {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== bracket) return false;
    this.#at += 1;
    return true;
  }

  #comma(): void {
    if (this.#text.charCodeAt(this.#at) !== 0x2c) throw this.#wrong();
    this.#at += 1;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #word<Value extends boolean | null>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#wrong();
    this.#at += word.length;
    return value;
  }

  #number(): ExactValue {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (found === null) throw this.#wrong();
    this.#at = NUMBER.lastIndex;
    return exactNumber(found[0], found[1] !== undefined || found[2] !== undefined);
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    const quote = text.indexOf('"', start);
    if (quote < 0) throw this.#wrong();
    const whole = text.slice(start, quote);
    if (!SPECIAL.test(whole)) {
      this.#at = quote + 1;
      return whole;
    }
    let parts = '';
    let from = start;
    for (let at = start; at < text.length; ) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return parts + text.slice(from, at);
      }
      if (code < 0x20) break;
      if (code !== 0x5c) {
        at += 1;
        continue;
      }
      parts += text.slice(from, at);
      const letter = text.charAt(at + 1);
      if (letter === 'u') {
        const hex = text.slice(at + 2, at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) break;
        parts += String.fromCharCode(Number.parseInt(hex, 16));
        at += 6;
      } else {
        const meant = ESCAPES[letter];
        if (meant === undefined || letter === '') break;
        parts += meant;
        at += 2;
      }
      from = at;
    }
    throw this.#wrong();
  }

  #wrong(): SyntaxError {
    return new SyntaxError(`not JSON at ${this.#at}`);
  }
}
