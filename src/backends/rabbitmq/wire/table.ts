import { isDeepStrictEqual } from 'node:util';
import { formatInstant } from '../../../contract/instant.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { shortText } from './short-text.ts';

/**
 * An entry of an AMQP 0-9-1 field table as RabbitMQ writes it (https://www.rabbitmq.com/amqp-0-9-1-errata#section_3).
 * It keeps its raw bytes beside its JSON reading, because JSON cannot distinguish an int8 from an int64, or bytes from
 * text.
 */
export class TableEntry {
  readonly name: string;
  readonly value: JsonValue;
  readonly #table: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(name: string, value: JsonValue, table: Buffer, start: number, end: number) {
    this.name = name;
    this.value = value;
    this.#table = table;
    this.#start = start;
    this.#end = end;
  }

  /** Name, type tag and value exactly as they were sent. */
  get raw(): Uint8Array {
    return this.#table.subarray(this.#start, this.#end);
  }
}

/** The names and indices that lead to a value within a table. */
export type TablePath = readonly (string | number)[];

/**
 * Reads the entries of a table without its length prefix. `integers` gets the positions of whole numbers that are given
 * as text, because JSON would round them. Throws `RangeError` on bytes that are not a table.
 */
export function decodeTable(bytes: Buffer, integers: TablePath[] = []): TableEntry[] {
  const reader = new TableReader(bytes, integers);
  const entries: TableEntry[] = [];
  while (reader.offset < bytes.length) {
    const start = reader.offset;
    const name = reader.name();
    const value = reader.member(name);
    entries.push(new TableEntry(name, value, bytes, start, reader.offset));
  }
  return entries;
}

/** `__proto__` is a header name like any other. */
export function setOwn(record: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  } else record[name] = value;
}

/** Nested lists and tables are read to this depth: a sender can nest them as deep as a frame is long. */
const DEEPEST = 64;

class TableReader {
  readonly #bytes: Buffer;
  readonly #integers: TablePath[];
  /** Where the value is that is being read. */
  readonly #path: (string | number)[] = [];
  /** The list or table that is being read ends here. */
  #end: number;
  offset = 0;

  constructor(bytes: Buffer, integers: TablePath[]) {
    this.#bytes = bytes;
    this.#integers = integers;
    this.#end = bytes.length;
  }

  name(): string {
    const length = this.#bytes[this.#take(1)] ?? 0;
    const start = this.#take(length);
    return shortText(this.#bytes, start, start + length);
  }

  /** The value under this name or index. */
  member(key: string | number): JsonValue {
    this.#path.push(key);
    const value = this.#value();
    this.#path.pop();
    return value;
  }

  #value(): JsonValue {
    const bytes = this.#bytes;
    const tag = bytes[this.#take(1)];
    switch (tag) {
      case 0x53: // S, long string
        return this.#text();
      case 0x78: // x, byte array
        return { base64: this.#long().toString('base64') };
      case 0x49: // I
        return bytes.readInt32BE(this.#take(4));
      case 0x69: // i
        return bytes.readUInt32BE(this.#take(4));
      case 0x6c: // l
        return this.#integer(bytes.readInt32BE(this.#take(8)));
      case 0x4c: // L
        return this.#integer(bytes.readUInt32BE(this.#take(8)));
      case 0x73: // s
        return bytes.readInt16BE(this.#take(2));
      case 0x75: // u
        return bytes.readUInt16BE(this.#take(2));
      case 0x62: // b
        return bytes.readInt8(this.#take(1));
      case 0x42: // B
        return bytes.readUInt8(this.#take(1));
      case 0x74: // t
        return bytes.readUInt8(this.#take(1)) !== 0;
      case 0x64: // d
        return readableFloat(bytes.readDoubleBE(this.#take(8)));
      case 0x66: // f
        return readableFloat(bytes.readFloatBE(this.#take(4)));
      case 0x44: // D
        return this.#decimal();
      case 0x54: // T, seconds
        return readableInstant(bytes.readBigUInt64BE(this.#take(8)));
      case 0x56: // V
        return null;
      case 0x46: // F
        return this.#nested(true);
      case 0x41: // A
        return this.#nested(false);
      default:
        throw new RangeError(`unknown field type ${tag}`);
    }
  }

  /** The upper half is read, and the lower one follows it: most fit into a number, and a `BigInt` for each is slow. */
  #integer(upper: number): JsonValue {
    const number = upper * 0x1_0000_0000 + this.#bytes.readUInt32BE(this.offset - 4);
    if (Number.isSafeInteger(number)) return number;
    this.#integers.push([...this.#path]);
    return ((BigInt(upper) << 32n) + BigInt(this.#bytes.readUInt32BE(this.offset - 4))).toString();
  }

  /** Deeper values are given as their bytes. */
  #nested(isTable: boolean): JsonValue {
    if (this.#path.length > DEEPEST) return { base64: this.#long().toString('base64') };
    const length = this.#bytes.readUInt32BE(this.#take(4));
    const outside = this.#end;
    const end = this.#take(length) + length;
    this.offset = end - length;
    this.#end = end;
    const value = isTable ? this.#table() : this.#list();
    this.#end = outside;
    return value;
  }

  /** Later entries of the same name win, as in every client that reads a table into a map. */
  #table(): Record<string, JsonValue> {
    const record: Record<string, JsonValue> = {};
    while (this.offset < this.#end) {
      const name = this.name();
      setOwn(record, name, this.member(name));
    }
    return record;
  }

  #list(): JsonValue[] {
    const values: JsonValue[] = [];
    while (this.offset < this.#end) values.push(this.member(values.length));
    return values;
  }

  #text(): JsonValue {
    const length = this.#bytes.readUInt32BE(this.#take(4));
    const start = this.#take(length);
    const text = shortText(this.#bytes, start, start + length);
    // A replacement character is either in the original or a sign that the bytes are not UTF-8.
    if (!text.includes('\ufffd')) return text;
    const bytes = this.#bytes.subarray(start, start + length);
    return Buffer.from(text, 'utf8').equals(bytes) ? text : { base64: bytes.toString('base64') };
  }

  #decimal(): string {
    const scale = this.#bytes.readUInt8(this.#take(1));
    const digits = String(this.#bytes.readUInt32BE(this.#take(4)));
    if (scale === 0) return digits;
    const padded = digits.padStart(scale + 1, '0');
    return `${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  }

  #long(): Buffer {
    const length = this.#bytes.readUInt32BE(this.#take(4));
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #take(length: number): number {
    const start = this.offset;
    if (start + length > this.#end) throw new RangeError('a field table ends too early');
    this.offset = start + length;
    return start;
  }
}

interface ListItem {
  /** Type tag and value as they were sent. */
  readonly raw: Uint8Array;
  readonly value: JsonValue;
}

/** `bytes`: a list without its length prefix. */
function listItems(bytes: Buffer): ListItem[] {
  const reader = new TableReader(bytes, []);
  const items: ListItem[] = [];
  while (reader.offset < bytes.length) {
    const start = reader.offset;
    const value = reader.member(items.length);
    items.push({ raw: bytes.subarray(start, reader.offset), value });
  }
  return items;
}

function readableFloat(value: number): JsonValue {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? value : String(value);
}

function readableInstant(seconds: bigint): JsonValue {
  return formatInstant(Number(seconds) * 1000) ?? seconds.toString();
}

/** A table without its length prefix. Throws `RangeError` if a name is longer than 255 bytes. */
export function encodeEntry(name: string, value: JsonValue): Buffer {
  return Buffer.concat([encodeName(name), encodeValue(value)]);
}

const ARRAY = 0x41;
/** Tag and length. */
const ARRAY_HEAD = 5;

/**
 * The entry with another value. Items of a list that were in it before keep their bytes, and so the types that JSON
 * does not know.
 */
export function encodeChanged({ name, raw }: TableEntry, value: JsonValue): Buffer {
  const start = 1 + (raw[0] ?? 0);
  if (!isArray(value) || raw[start] !== ARRAY) return encodeEntry(name, value);
  const before = listItems(Buffer.from(raw.subarray(start + ARRAY_HEAD)));
  const items = value.map(
    (item) => before.find((known) => isDeepStrictEqual(known.value, item))?.raw ?? encodeValue(item),
  );
  return Buffer.concat([encodeName(name), tagged('A', Buffer.concat(items))]);
}

function encodeName(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length > 255) throw new RangeError('a header name is longer than 255 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function encodeValue(value: JsonValue): Buffer {
  if (value === null) return Buffer.from('V');
  if (typeof value === 'boolean') return Buffer.from([0x74, value ? 1 : 0]);
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value === 'string') return tagged('S', Buffer.from(value, 'utf8'));
  if (isArray(value)) return tagged('A', Buffer.concat(value.map(encodeValue)));
  const bytes = value.base64;
  if (typeof bytes === 'string' && Object.keys(value).length === 1) return tagged('x', Buffer.from(bytes, 'base64'));
  const entries: Buffer[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) entries.push(encodeEntry(name, member));
  }
  return tagged('F', Buffer.concat(entries));
}

function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) <= 0x7fff_ffff) {
    const bytes = Buffer.from([0x49, 0, 0, 0, 0]);
    bytes.writeInt32BE(value, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    bytes.write('l');
    bytes.writeBigInt64BE(BigInt(value), 1);
  } else {
    bytes.write('d');
    bytes.writeDoubleBE(value, 1);
  }
  return bytes;
}

function tagged(tag: 'S' | 'x' | 'A' | 'F', content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(tag);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
