import { formatInstant } from '../contract/instant.ts';
import type { Message } from '../contract/message.ts';

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
 * The values that a filter sees of a message; only those that it uses are made, because parsing each body costs most. Whole numbers
 * that `mq` knows to be counts are CEL ints (BigInt); numbers inside a JSON body or a header are doubles, as JSON has no other.
 * What is unknown is null, so that comparing it is an error (the message does not match) and never a false zero.
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
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  },
  raw: (message) => decoder.decode(message.body),
  headers: (message) => message.headers,
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
