import type { JsonValue } from '../../contract/message.ts';
import { isDeliveryHeader } from './deaths/death.ts';
import { NO_PROPERTIES, PropertyList } from './wire/properties.ts';
import { decodeTable, setOwn, type TableEntry, type TablePath } from './wire/table.ts';

/** The properties that the contract's fields show. */
export interface PropertyView {
  readonly id: string | null;
  readonly contentType: string | null;
  readonly priority: number | null;
  readonly ttlMs: number | null;
  readonly headers: Record<string, JsonValue>;
}

/** The properties of a message, read once. */
export interface Reading {
  /** None if the bytes are not a property list: the body can still be shown. */
  readonly properties: PropertyList;
  /** False: the bytes are no property list, or its header table is none. */
  readonly isPropertyList: boolean;
  readonly isTable: boolean;
  readonly entries: readonly TableEntry[];
  readonly view: PropertyView;
  /** See `Message.integers`. */
  readonly integers: readonly TablePath[];
}

/** `bytes`: flags and property list, as they were sent. */
export function readingOf(bytes: Buffer): Reading {
  const list = orNull(() => PropertyList.read(bytes));
  const properties = list ?? NO_PROPERTIES;
  const table = properties.table('headers');
  const integers: TablePath[] = [];
  const entries = orNull(() => decodeTable(table, integers));
  return {
    properties,
    isPropertyList: list !== null || bytes.length <= 2,
    isTable: entries !== null,
    entries: entries ?? [],
    view: viewOf(properties, entries ?? []),
    integers,
  };
}

function orNull<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function viewOf(properties: PropertyList, entries: readonly TableEntry[]): PropertyView {
  const headers: Record<string, JsonValue> = {};
  for (const { name, value } of entries) {
    if (!isDeliveryHeader(name)) setOwn(headers, name, value);
  }
  return {
    id: properties.text('messageId'),
    contentType: properties.text('contentType'),
    priority: properties.octet('priority'),
    ttlMs: readTtl(properties.text('expiration')),
    headers,
  };
}

/** `expiration` is a decimal number of milliseconds as text. */
function readTtl(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Failed deliveries so far, as a quorum queue counts them; absent before the first. */
export function deliveries(entries: readonly TableEntry[]): number {
  const value = entries.find(({ name }) => name === 'x-delivery-count')?.value;
  return typeof value === 'number' ? value : 0;
}

/** Its subclass puts a private field on the object itself. */
class Same {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is how a plain object gets a private field
    return object;
  }
}

/**
 * A record of `Message.native` with the reading that it was made from. The record stays plain JSON. Who sends the
 * message on finds the reading there, and need not decode the same bytes again. A `WeakMap` costs 2 µs a message.
 */
class Known extends Same {
  readonly #reading: Reading;

  private constructor(record: object, reading: Reading) {
    super(record);
    this.#reading = reading;
  }

  static keep(record: object, reading: Reading): void {
    new Known(record, reading);
  }

  static of(record: object): Reading | null {
    return #reading in record ? record.#reading : null;
  }
}

/** `record` was made from this reading and is never changed. */
export const keepReading = Known.keep;

/** The reading that a record was made from; null: it came from elsewhere, or somebody has made another of it. */
export const keptReading = Known.of;
