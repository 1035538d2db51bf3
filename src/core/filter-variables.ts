import { formatInstant } from '../contract/instant.ts';
import type { JsonValue, Message } from '../contract/message.ts';
import { type ExactValue, parseExactJson } from './exact-json.ts';

export type VariableName =
  | 'id'
  | 'queue'
  | 'state'
  | 'body'
  | 'raw'
  | 'headers'
  | 'receiveCount'
  | 'age'
  | 'size'
  | 'priority'
  | 'groupId'
  | 'name'
  | 'dead';

/**
 * The values of a message that a filter can see. Only those that the filter uses are made, because parsing each body
 * costs most. Whole numbers are CEL ints (bigint) and exact to 64 bits, also in a JSON body and in headers: as a
 * double, a 64-bit id would become its neighbour. An unknown value is null: comparing it is an error (the message does
 * not match) and never a false zero.
 */
export function messageVariables(
  message: Message,
  used: ReadonlySet<VariableName>,
  toDuration: (milliseconds: number) => unknown,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of used) {
    if (name === 'age') {
      values.age = message.enqueuedAt === null ? null : toDuration(Date.now() - message.enqueuedAt);
    } else {
      values[name] = READERS[name]?.(message);
    }
  }
  return values;
}

const decoder = new TextDecoder('utf-8');

const READERS: Readonly<Record<Exclude<VariableName, 'age'>, (message: Message) => unknown>> = {
  id: (message) => message.id,
  queue: (message) => message.queue,
  state: (message) => message.state,
  body: (message) => {
    const text = decoder.decode(message.body);
    try {
      return parseExactJson(text);
    } catch (error) {
      if (error instanceof SyntaxError) return text;
      throw error;
    }
  },
  raw: (message) => decoder.decode(message.body),
  headers: exactHeaders,
  receiveCount: (message) => integer(message.receiveCount),
  size: (message) => BigInt(message.body.byteLength),
  priority: (message) => integer(message.priority),
  groupId: (message) => message.groupId,
  name: (message) => message.name,
  dead: (message) => {
    const { dead } = message;
    return {
      from: dead?.from ?? null,
      reason: dead?.reason ?? null,
      error: dead?.error ?? null,
      at: dead == null || formatInstant(dead.at) === null ? null : new Date(dead.at ?? 0),
      count: integer(dead?.count ?? null),
      replays: BigInt(dead?.replays ?? 0),
    };
  },
};

function integer(value: number | null): bigint | null {
  return value === null || !Number.isInteger(value) ? null : BigInt(value);
}

/** Headers as JSON gives them, with whole numbers as bigint. `Message.integers` names those that JSON cannot hold. */
function exactHeaders({ headers, integers }: Message): ReadonlyMap<string, ExactValue> {
  const exact = new Map<string, ExactValue>();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) exact.set(name, exactValue(value));
  for (const path of integers ?? []) restoreInteger(exact, path);
  return exact;
}

function exactValue(value: JsonValue): ExactValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(exactValue);
  const exact = new Map<string, ExactValue>();
  for (const [name, member] of Object.entries(value)) if (member !== undefined) exact.set(name, exactValue(member));
  return exact;
}

/** Replaces the digits by the number. */
function restoreInteger(root: ExactValue, path: readonly (string | number)[]): void {
  let holder: unknown = root;
  for (const step of path.slice(0, -1)) holder = memberOf(holder, step);
  const last = path.at(-1);
  const digits = last === undefined ? undefined : memberOf(holder, last);
  if (typeof digits !== 'string' || !/^-?[1-9]\d*$/.test(digits)) return;
  const exact = parseExactJson(digits);
  if (holder instanceof Map) holder.set(last, exact);
  else if (Array.isArray(holder) && typeof last === 'number') holder[last] = exact;
}

function memberOf(holder: unknown, step: string | number): unknown {
  if (holder instanceof Map) return holder.get(step);
  return Array.isArray(holder) && typeof step === 'number' ? holder[step] : undefined;
}
