import { type ErrorCode, MqError } from '../../../contract/errors.ts';
import { atLeast, type Version } from '../connection/link.ts';
import type { QueueRules } from './queue-rules.ts';

export interface Look {
  readonly queue: string;
  readonly rules: QueueRules;
  readonly version: Version;
  /** Messages and consumers there now. */
  readonly ready: number;
  readonly consumers: number;
  /** The largest number that will be held at once; null: all. */
  readonly looks: number | null;
}

/** Why the look could do harm, and what to do about it; null: no harm is known. */
interface Harm {
  readonly reason: string;
  readonly hint: string;
  readonly code?: ErrorCode;
}

/** A message with this few deliveries left should not be looked at: each look is one. */
const REACH = 2;

/**
 * The price of a look at messages that stay, in one sentence. Without `force`, throws `PRECONDITION_FAILED` if the look
 * could do harm, or if that cannot be found out; `TIMEOUT` if an answer is missing. It knows the queue and not its
 * messages: only the look itself shows how often a message was delivered.
 */
export function priceOf(look: Look, force: boolean): string {
  const harm = force ? null : harmOf(look);
  if (harm !== null) {
    const { queue } = look;
    throw new MqError(
      harm.code ?? 'PRECONDITION_FAILED',
      `looking at ${JSON.stringify(queue)} could do harm: ${harm.reason}`,
      {
        hint: harm.hint,
        backend: 'rabbitmq',
        operation: 'peek',
        queue,
      },
    );
  }
  return wordsOf(look);
}

function wordsOf({ rules, version }: Look): string {
  const held = 'consumers skip the messages for a moment, and see them marked as redelivered';
  if (rules.kind !== 'quorum') {
    const length = rules.limit('max-length');
    return length.known
      ? held
      : `${held}; should the queue have a limit, which cannot be read, it may drop them meanwhile`;
  }
  if (atLeast(version, 4, 3)) return held;
  const limit = rules.deliveryLimit(version);
  if (!limit.known) return `${held}; it uses a delivery of each, and how many they have cannot be read`;
  return limit.most === null
    ? `${held}; their delivery count rises by 1`
    : `${held}; it uses 1 of the ${limit.most + 1} deliveries of each`;
}

function harmOf({ rules, version, ready, consumers, looks }: Look): Harm | null {
  if (rules.singleActiveConsumer === true) {
    return {
      reason:
        consumers > 0
          ? 'it has a single active consumer, so a look would wait until it goes away'
          : 'it takes a single active consumer, and a look would become it',
      hint: 'stop the consumers and use --force, or look at its dead letters with --dead',
    };
  }
  // From 4.3 on, a look that ends well counts no delivery; one that breaks off does.
  const limit = rules.deliveryLimit(version);
  if (!limit.known) {
    return {
      reason: `each look uses a delivery of each message, and it cannot be read after how many they are dead: ${limit.why}`,
      code: rules.refusal,
      hint: '--force looks all the same; with the management API (?management=http://HOST:15672, a user with the tag "management") mq can read it',
    };
  }
  if (limit.most !== null && limit.most <= REACH) {
    return {
      reason: `a message is dead after ${limit.most === 0 ? 'one delivery' : `${limit.most + 1} deliveries`} (its delivery limit is ${limit.most}), and a look is one`,
      hint: '--force looks all the same; or raise the delivery limit',
    };
  }
  const length = rules.limit('max-length');
  const held = Math.min(looks ?? ready, ready);
  if (
    length.known &&
    length.most !== null &&
    (rules.overflow ?? 'drop-head') === 'drop-head' &&
    ready + held >= length.most
  ) {
    return {
      reason: `it holds at most ${length.most} messages and drops the oldest: what is held while looking is dropped when others arrive`,
      hint: 'look at fewer with --limit, or use --force',
    };
  }
  return null;
}

/** The warning about messages that were looked at and have few deliveries left. Null: there are none. */
export function nearDeath(counts: readonly number[], limit: number | null): string | null {
  if (limit === null) return null;
  const near = counts.filter((count) => count >= limit - REACH);
  if (near.length === 0) return null;
  const messages = near.length === 1 ? '1 of the messages has' : `${near.length} of the messages have`;
  const most = Math.min(Math.max(...near), limit) + 1;
  return `${messages} had ${most} of the ${limit + 1} deliveries after which a message is dead, this look among them: each further look is one more`;
}
