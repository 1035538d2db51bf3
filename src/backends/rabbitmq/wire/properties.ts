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

/** The original bytes of each present property: a short string with its length byte, a table with its length. */
export type Properties = { [name in PropertyName]?: Buffer | undefined };

const FORM: Readonly<Record<PropertyName, 'text' | 'table' | 'octet' | 'instant'>> = {
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

/** `bytes`: flags and property list. Throws `RangeError` on bytes that are not a property list. */
export function decodeProperties(bytes: Buffer): Properties {
  const flags = bytes.readUInt16BE(0);
  // Bit 0 announces more flags, which AMQP 0-9-1 does not have.
  if ((flags & 3) !== 0) throw new RangeError('unknown property flags');
  const properties: Properties = {};
  let offset = 2;
  for (let index = 0; index < PROPERTY_NAMES.length; index++) {
    const name = PROPERTY_NAMES[index];
    if (name === undefined || (flags & (1 << (15 - index))) === 0) continue;
    const end = offset + lengthOf(FORM[name], bytes, offset);
    if (end > bytes.length) throw new RangeError('a property list ends too early');
    properties[name] = bytes.subarray(offset, end);
    offset = end;
  }
  if (offset !== bytes.length) throw new RangeError('a property list has bytes left over');
  return properties;
}

function lengthOf(form: 'text' | 'table' | 'octet' | 'instant', bytes: Buffer, offset: number): number {
  if (form === 'text') return 1 + bytes.readUInt8(offset);
  if (form === 'table') return 4 + bytes.readUInt32BE(offset);
  return form === 'octet' ? 1 : 8;
}

/** Flags and property list. */
export function encodeProperties(properties: Properties): Buffer {
  let flags = 0;
  const parts: Buffer[] = [Buffer.alloc(2)];
  for (let index = 0; index < PROPERTY_NAMES.length; index++) {
    const name = PROPERTY_NAMES[index];
    const bytes = name === undefined ? undefined : properties[name];
    if (bytes === undefined) continue;
    flags |= 1 << (15 - index);
    parts.push(bytes);
  }
  const all = Buffer.concat(parts);
  all.writeUInt16BE(flags, 0);
  return all;
}

export function readText(bytes: Buffer | undefined): string | null {
  return bytes === undefined ? null : bytes.toString('utf8', 1, bytes.length);
}

export function readOctet(bytes: Buffer | undefined): number | null {
  return bytes === undefined ? null : bytes.readUInt8(0);
}

/** Seconds since the epoch. */
export function readTimestamp(bytes: Buffer | undefined): bigint | null {
  return bytes === undefined ? null : bytes.readBigUInt64BE(0);
}

/** The entries of a table property, without its length. */
export function tableContent(bytes: Buffer | undefined): Buffer {
  return bytes === undefined ? Buffer.alloc(0) : bytes.subarray(4);
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
