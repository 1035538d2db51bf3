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

const EMPTY = Buffer.alloc(0);
/** Of a property that is not there. */
const ABSENT = -1;

/** The property list of a message. It is checked once, and keeps its bytes. */
export class PropertyList {
  /** Flags and property list. */
  readonly bytes: Buffer;
  readonly #flags: number;

  private constructor(bytes: Buffer, flags: number) {
    this.bytes = bytes;
    this.#flags = flags;
  }

  /** Throws `RangeError` on bytes that are not a property list. */
  static read(bytes: Buffer): PropertyList {
    const flags = bytes.readUInt16BE(0);
    // Bit 0 announces more flags, which AMQP 0-9-1 does not have.
    if ((flags & 3) !== 0) throw new RangeError('unknown property flags');
    const list = new PropertyList(bytes, flags);
    if (list.#offset(PROPERTY_NAMES.length) !== bytes.length) throw new RangeError('a property list of another length');
    return list;
  }

  has(name: PropertyName): boolean {
    return this.#isPresent(INDEX[name]);
  }

  text(name: PropertyName): string | null {
    const start = this.#start(name);
    return start === ABSENT ? null : shortText(this.bytes, start + 1, start + lengthOf('text', this.bytes, start));
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
    if (start === ABSENT) return EMPTY;
    return this.bytes.subarray(start + 4, start + lengthOf('table', this.bytes, start));
  }

  #start(name: PropertyName): number {
    const index = INDEX[name];
    return this.#isPresent(index) ? this.#offset(index) : ABSENT;
  }

  #isPresent(index: number): boolean {
    return (this.#flags & (1 << (15 - index))) !== 0;
  }

  /** Where the property begins. It is found by the few before it: lists of offsets would cost more. */
  #offset(index: number): number {
    let offset = 2;
    for (let before = 0; before < index; before++) {
      const name = PROPERTY_NAMES[before];
      if (name !== undefined && this.#isPresent(before)) offset += lengthOf(FORM[name], this.bytes, offset);
    }
    return offset;
  }

  /** Flags and property list with the changes. All other properties keep their bytes. */
  with(changes: Changes): Buffer {
    let flags = 0;
    let size = 2;
    for (let index = 0, offset = 2; index < PROPERTY_NAMES.length; index++) {
      const before = this.#lengthAt(index, offset);
      const length = lengthAfter(index, changes, before);
      offset += before;
      if (length > 0) flags |= 1 << (15 - index);
      size += length;
    }
    const all = Buffer.allocUnsafe(size);
    let at = all.writeUInt16BE(flags, 0);
    for (let index = 0, offset = 2; index < PROPERTY_NAMES.length; index++) {
      const before = this.#lengthAt(index, offset);
      const name = PROPERTY_NAMES[index];
      const changed = name === undefined ? undefined : changes[name];
      if (changed === undefined) at += this.bytes.copy(all, at, offset, offset + before);
      else at += changed?.copy(all, at) ?? 0;
      offset += before;
    }
    return all;
  }

  /** The length of the property; 0: it is not there. `offset`: where it would be. */
  #lengthAt(index: number, offset: number): number {
    const name = PROPERTY_NAMES[index];
    return name !== undefined && this.#isPresent(index) ? lengthOf(FORM[name], this.bytes, offset) : 0;
  }
}

/** The length of a property after the changes. */
function lengthAfter(index: number, changes: Changes, before: number): number {
  const name = PROPERTY_NAMES[index];
  const changed = name === undefined ? undefined : changes[name];
  return changed === undefined ? before : (changed?.length ?? 0);
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
