import { shortText } from './short-text.ts';

/**
 * The property list of a content header (AMQP 0-9-1 §4.2.6.1): two bytes of flags, then the present properties in fixed
 * order. Every property keeps its original bytes, so that an unchanged one is sent on exactly as it came.
 */
export const PROPERTY_NAMES = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;
export type PropertyName = (typeof PROPERTY_NAMES)[number];

type Form = 'text' | 'table' | 'octet' | 'instant';

const FORM: Readonly<Record<PropertyName, Form>> = {
  contentType: 'text',
  contentEncoding: 'text',
  headers: 'table',
  deliveryMode: 'octet',
  priority: 'octet',
  correlationId: 'text',
  replyTo: 'text',
  expiration: 'text',
  messageId: 'text',
  timestamp: 'instant',
  type: 'text',
  userId: 'text',
  appId: 'text',
  clusterId: 'text',
};

const INDEX = Object.fromEntries(PROPERTY_NAMES.map((name, index) => [name, index])) as Record<PropertyName, number>;

/** Properties that replace those of a list, as bytes; null: the property is removed. Absent ones stay. */
export type Changes = { [name in PropertyName]?: Buffer | null | undefined };

const ABSENT = -1;

/** The property list of a message. It is taken apart once, and keeps its bytes. */
export class PropertyList {
  /** Flags and property list. */
  readonly bytes: Buffer;
  /** By the order of `PROPERTY_NAMES`: where each begins, and where it ends. */
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];

  private constructor(bytes: Buffer, starts: readonly number[], ends: readonly number[]) {
    this.bytes = bytes;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** Throws `RangeError` on bytes that are not a property list. */
  static read(bytes: Buffer): PropertyList {
    const flags = bytes.readUInt16BE(0);
    // Bit 0 announces more flags, which AMQP 0-9-1 does not have.
    if ((flags & 3) !== 0) throw new RangeError('unknown property flags');
    const starts: number[] = [];
    const ends: number[] = [];
    let offset = 2;
    for (let index = 0; index < PROPERTY_NAMES.length; index++) {
      const name = PROPERTY_NAMES[index];
      const isPresent = name !== undefined && (flags & (1 << (15 - index))) !== 0;
      starts.push(isPresent ? offset : ABSENT);
      if (isPresent) offset += lengthOf(FORM[name], bytes, offset);
      ends.push(isPresent ? offset : ABSENT);
      if (offset > bytes.length) throw new RangeError('a property list ends too early');
    }
    if (offset !== bytes.length) throw new RangeError('a property list has bytes left over');
    return new PropertyList(bytes, starts, ends);
  }

  /** Without one property. */
  get isEmpty(): boolean {
    return this.bytes.length <= 2;
  }

  has(name: PropertyName): boolean {
    return this.#start(name) !== ABSENT;
  }

  text(name: PropertyName): string | null {
    const start = this.#start(name);
    return start === ABSENT ? null : shortText(this.bytes, start + 1, this.#ends[INDEX[name]] ?? start);
  }

  octet(name: PropertyName): number | null {
    const start = this.#start(name);
    return start === ABSENT ? null : this.bytes.readUInt8(start);
  }

  /** Seconds since the epoch. */
  instant(name: PropertyName): bigint | null {
    const start = this.#start(name);
    return start === ABSENT ? null : this.bytes.readBigUInt64BE(start);
  }

  /** The entries of a table, without its length; empty if there is none. */
  table(name: PropertyName): Buffer {
    const start = this.#start(name);
    return start === ABSENT ? this.bytes.subarray(0, 0) : this.bytes.subarray(start + 4, this.#ends[INDEX[name]]);
  }

  #start(name: PropertyName): number {
    return this.#starts[INDEX[name]] ?? ABSENT;
  }

  /** Flags and property list with the changes. All other properties keep their bytes. */
  with(changes: Changes): Buffer {
    let flags = 0;
    let size = 2;
    for (let index = 0; index < PROPERTY_NAMES.length; index++) {
      const length = this.#lengthAt(index, changes);
      if (length > 0) flags |= 1 << (15 - index);
      size += length;
    }
    const all = Buffer.allocUnsafe(size);
    let at = all.writeUInt16BE(flags, 0);
    for (let index = 0; index < PROPERTY_NAMES.length; index++) {
      if (this.#lengthAt(index, changes) === 0) continue;
      const changed = changeAt(index, changes);
      at += changed?.copy(all, at) ?? this.bytes.copy(all, at, this.#starts[index], this.#ends[index]);
    }
    return all;
  }

  #lengthAt(index: number, changes: Changes): number {
    const changed = changeAt(index, changes);
    if (changed !== undefined) return changed?.length ?? 0;
    return (this.#ends[index] ?? ABSENT) - (this.#starts[index] ?? ABSENT);
  }
}

function changeAt(index: number, changes: Changes): Buffer | null | undefined {
  const name = PROPERTY_NAMES[index];
  return name === undefined ? undefined : changes[name];
}

function lengthOf(form: Form, bytes: Buffer, offset: number): number {
  if (form === 'text') return 1 + bytes.readUInt8(offset);
  if (form === 'table') return 4 + bytes.readUInt32BE(offset);
  return form === 'octet' ? 1 : 8;
}

/** A message without properties. */
export const NO_PROPERTIES = PropertyList.read(Buffer.alloc(2));

/** The text of a short string with its length byte. */
export function readText(bytes: Buffer): string {
  return bytes.toString('utf8', 1, bytes.length);
}

/** Throws `RangeError` over 255 bytes. */
export function writeText(text: string): Buffer {
  const length = Buffer.byteLength(text, 'utf8');
  if (length > 255) throw new RangeError('longer than 255 bytes');
  const bytes = Buffer.alloc(1 + length);
  bytes[0] = length;
  bytes.write(text, 1, 'utf8');
  return bytes;
}

export function writeOctet(value: number): Buffer {
  return Buffer.from([value]);
}

/** Seconds since the epoch. */
export function writeInstant(seconds: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.trunc(seconds))));
  return bytes;
}

export function writeTable(entries: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(entries);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(content.length);
  return Buffer.concat([bytes, content]);
}

/**
 * Whether the delivery mode is 2. It is read without decoding the rest: it follows the two short strings and the table
 * before it.
 */
export function isPersistent(properties: Buffer): boolean {
  const flags = properties.readUInt16BE(0);
  if ((flags & 0x1000) === 0) return false;
  let at = 2;
  if ((flags & 0x8000) !== 0) at += 1 + properties.readUInt8(at);
  if ((flags & 0x4000) !== 0) at += 1 + properties.readUInt8(at);
  if ((flags & 0x2000) !== 0) at += 4 + properties.readUInt32BE(at);
  return properties.readUInt8(at) === 2;
}
