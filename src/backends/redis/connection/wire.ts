import type { BareBodies } from '../../../contract/message.ts';
import type { Call } from './connection.ts';

/**
 * Calls in the form that the server reads (redis.io/docs/latest/develop/reference/protocol-spec), many in one piece of
 * memory. The client library's own encoding makes three objects for each argument, which takes longer than the server
 * needs to store it.
 */
class Wire {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(capacity: number) {
    // Not from the pool: it lives until it is written.
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  count(type: number, value: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = type;
    let divisor = 1;
    while (value >= divisor * 10) divisor *= 10;
    for (let rest = value; divisor >= 1; divisor = Math.floor(divisor / 10)) {
      const digit = Math.floor(rest / divisor);
      bytes[this.#at++] = ZERO + digit;
      rest -= digit * divisor;
    }
    bytes[this.#at++] = CR;
    bytes[this.#at++] = LF;
  }

  /** Bytes that are already encoded. */
  encoded(source: Buffer): void {
    this.#at += source.copy(this.#bytes, this.#at);
  }

  argument(source: Buffer, start: number, end: number): void {
    this.count(DOLLAR, end - start);
    this.#at += source.copy(this.#bytes, this.#at, start, end);
    this.#bytes[this.#at++] = CR;
    this.#bytes[this.#at++] = LF;
  }

  written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;
const DOLLAR = 0x24;
const STAR = 0x2a;
/** A type, up to 16 digits, and the ends of two lines. */
const OVERHEAD = 21;

/** One call, with the bodies as its last arguments. */
export function callWithBodies(call: Call, bodies: BareBodies): Buffer {
  const { source, bounds, size } = laidOut(bodies);
  const first = encodedArguments(call);
  const wire = new Wire(size + first.byteLength + OVERHEAD);
  wire.count(STAR, call.length + bounds.length / 2);
  wire.encoded(first);
  for (let i = 0; i < bounds.length; i += 2) wire.argument(source, bounds[i] ?? 0, bounds[i + 1] ?? 0);
  return wire.written();
}

/** The call once for each body, which is its last argument. */
export function callForEachBody(call: Call, bodies: BareBodies): Buffer {
  const { source, bounds, size } = laidOut(bodies);
  const head = new Wire(OVERHEAD);
  head.count(STAR, call.length + 1);
  const first = Buffer.concat([head.written(), encodedArguments(call)]);
  const wire = new Wire(size + (first.byteLength * bounds.length) / 2);
  for (let i = 0; i < bounds.length; i += 2) {
    wire.encoded(first);
    wire.argument(source, bounds[i] ?? 0, bounds[i + 1] ?? 0);
  }
  return wire.written();
}

export function encodedCalls(calls: readonly Call[]): Buffer {
  return Buffer.concat(
    calls.flatMap((call) => {
      const head = new Wire(OVERHEAD);
      head.count(STAR, call.length);
      return [head.written(), encodedArguments(call)];
    }),
  );
}

function encodedArguments(call: Call): Buffer {
  const args = call.map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg), 'utf8')));
  const wire = new Wire(args.reduce((size, arg) => size + arg.byteLength + OVERHEAD, 0));
  for (const arg of args) wire.argument(arg, 0, arg.byteLength);
  return wire.written();
}

function laidOut({ bytes, bounds }: BareBodies) {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = (bounds.at(-1) ?? 0) - (bounds[0] ?? 0) + (OVERHEAD * bounds.length) / 2;
  return { source, bounds, size };
}
