import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { JsonValue } from '../../../contract/message.ts';
import { isDataType, isText } from './limits.ts';

/**
 * Converts message attributes to header values and back.
 *
 * `String` is a string. `Number` is a number if JSON holds it exactly, else its decimal text. `Binary` is
 * `{"base64":…}`. Custom types (`Number.price`) read like their base. Values for which SQS has no type (booleans, null,
 * lists, objects, the empty string) are written as JSON text with the type `String.json`, and read back from it.
 */

/** The exact form of one attribute, for `Message.native`. */
export interface AttributeRecord {
  readonly type: string;
  readonly value?: string;
  readonly base64?: string;
  readonly [key: string]: JsonValue | undefined;
}

const JSON_TYPE = 'String.json';

export function decodeAttribute(attribute: MessageAttributeValue): JsonValue {
  const type = attribute.DataType ?? 'String';
  if (type.startsWith('Binary')) return { base64: Buffer.from(attribute.BinaryValue ?? []).toString('base64') };
  const text = attribute.StringValue ?? '';
  if (type.startsWith('Number')) return exactNumber(text) ?? text;
  const parsed = type === JSON_TYPE ? parseJson(text) : undefined;
  return parsed === undefined ? text : parsed;
}

/** A whole number that JSON would round, and that therefore is read as text. */
export function isLargeInteger(attribute: MessageAttributeValue): boolean {
  const { DataType: type = '', StringValue: text = '' } = attribute;
  return type.startsWith('Number') && /^-?\d+$/.test(text) && typeof decodeAttribute(attribute) === 'string';
}

export function encodeAttribute(value: JsonValue): MessageAttributeValue {
  if (typeof value === 'string' && value !== '') return { DataType: 'String', StringValue: value };
  if (typeof value === 'number' && isSqsNumber(value)) return { DataType: 'Number', StringValue: String(value) };
  const bytes = binaryOf(value);
  if (bytes !== null && bytes.length > 0) return { DataType: 'Binary', BinaryValue: bytes };
  return { DataType: JSON_TYPE, StringValue: JSON.stringify(value) };
}

/** The exact form, or null if `encodeAttribute(decodeAttribute(…))` gives it back anyway. */
export function recordOf(attribute: MessageAttributeValue): AttributeRecord | null {
  const again = encodeAttribute(decodeAttribute(attribute));
  if (sameAttribute(again, attribute)) return null;
  return attribute.BinaryValue === undefined
    ? { type: attribute.DataType ?? 'String', value: attribute.StringValue ?? '' }
    : { type: attribute.DataType ?? 'Binary', base64: Buffer.from(attribute.BinaryValue).toString('base64') };
}

/** Its type says something that the value alone does not. */
export function isCustomType(attribute: MessageAttributeValue): boolean {
  const type = attribute.DataType ?? 'String';
  return type.includes('.') && encodeAttribute(decodeAttribute(attribute)).DataType !== type;
}

/** The attribute that a record describes, if it still reads as `value`; null: it does not, or it is not a record. */
export function fromRecord(record: JsonValue | undefined, value: JsonValue): MessageAttributeValue | null {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return null;
  const { type, value: text, base64 } = record as Partial<AttributeRecord>;
  if (typeof type !== 'string' || !isDataType(type)) return null;
  const attribute: MessageAttributeValue | null =
    typeof base64 === 'string'
      ? { DataType: type, BinaryValue: Buffer.from(base64, 'base64') }
      : typeof text === 'string'
        ? { DataType: type, StringValue: text }
        : null;
  if (attribute === null) return null;
  return JSON.stringify(decodeAttribute(attribute)) === JSON.stringify(value) ? attribute : null;
}

/** The size as SQS counts it: name, type and value, in bytes. */
export function attributeBytes(name: string, attribute: MessageAttributeValue): number {
  const value = attribute.BinaryValue?.length ?? Buffer.byteLength(attribute.StringValue ?? '');
  return Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType ?? '') + value;
}

/** Why SQS would refuse the value; null: it would not. */
export function attributeFault(attribute: MessageAttributeValue): string | null {
  if (attribute.BinaryValue !== undefined) return attribute.BinaryValue.length === 0 ? 'is empty' : null;
  if (attribute.StringValue === undefined || attribute.StringValue === '') return 'is empty';
  return isText(attribute.StringValue) ? null : 'holds characters that SQS does not take';
}

/** Like assignment, but safe for a name such as `__proto__`. */
export function setOwn<T>(record: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

function sameAttribute(a: MessageAttributeValue, b: MessageAttributeValue): boolean {
  if (a.DataType !== b.DataType || a.StringValue !== b.StringValue) return false;
  if (a.BinaryValue === undefined || b.BinaryValue === undefined) return a.BinaryValue === b.BinaryValue;
  return Buffer.compare(a.BinaryValue, b.BinaryValue) === 0;
}

/**
 * The number that a text means, if JSON can hold it without loss: as JavaScript prints it with at most 15 significant
 * digits, or a safe integer.
 */
function exactNumber(text: string): number | null {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return null;
  const number = Number(text);
  if (!Number.isFinite(number)) return null;
  if (String(number) === text) return number;
  if (Number.isSafeInteger(number) && /^[+-]?\d+$/.test(text)) return number;
  const digits = text
    .replace(/[eE].*$/, '')
    .replace(/\D/g, '')
    .replace(/^0+/, '');
  return digits.length <= 15 && (number !== 0 || digits === '') ? number : null;
}

/**
 * SQS numbers, of either sign: 10^-128 to 10^126, 38 digits. A double prints at most 17.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
function isSqsNumber(value: number): boolean {
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-128 && size < 1e126);
}

function binaryOf(value: JsonValue): Buffer | null {
  if (typeof value !== 'object' || value === null || !('base64' in value) || Object.keys(value).length !== 1)
    return null;
  if (typeof value.base64 !== 'string') return null;
  const bytes = Buffer.from(value.base64, 'base64');
  return bytes.toString('base64') === value.base64 ? bytes : null;
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
