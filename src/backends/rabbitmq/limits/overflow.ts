import { type ErrorCode, MqError } from '../../../contract/errors.ts';
import type { QueueRules } from './queue-rules.ts';

/** The number of messages in the target now, and how many more are to come, as far as they are known. */
export interface Filling {
  /** Null: unknown. */
  readonly ready: number | null;
  readonly expected: number | null;
}

const SEND_LESS =
  'send fewer (--max, where messages are taken from a queue), raise x-max-length, or use --lossy to send anyway';
const READ_IT =
  '--lossy sends anyway; with the management API (?management=http://HOST:15672, a user with the tag "management") mq can read it';

interface Overflow {
  readonly reason: string;
  readonly hint: string;
  readonly code?: ErrorCode;
}

/**
 * Why sending there could lose messages, as far as that is known beforehand. Null: it cannot. A limit that cannot be
 * read may be reached. A stream forgets its oldest messages by design.
 */
export function overflowReason(rules: QueueRules, filling: Filling): Overflow | null {
  if (rules.kind === 'rabbit-stream') return null;
  const { overflow } = rules;
  const [messages, bytes] = [rules.limit('max-length'), rules.limit('max-length-bytes')];
  if (!messages.known || !bytes.known) {
    if (overflow === 'reject-publish') return null;
    const why = !messages.known ? messages.why : !bytes.known ? bytes.why : '';
    return {
      reason: `whether the queue drops its oldest messages to make room for new ones cannot be read: ${why}`,
      hint: READ_IT,
      code: rules.refusal,
    };
  }
  const ttl = rules.limit('message-ttl');
  if (ttl.known && ttl.most === 0) {
    return {
      reason: 'the queue keeps no message (its message TTL is 0): each is gone at once, unless a consumer waits for it',
      hint: 'raise x-message-ttl, or use --lossy to send anyway',
    };
  }
  const { ready, expected } = filling;
  if (ready === null && overflow !== 'reject-publish' && (messages.most !== null || bytes.most !== null)) {
    return {
      reason: 'the queue has a limit, and how much is in it cannot be counted',
      hint: '--lossy sends anyway',
    };
  }
  if (messages.most !== null && expected !== null && ready !== null && ready + expected > messages.most) {
    const effect =
      overflow === 'reject-publish' || overflow === 'reject-publish-dlx'
        ? 'the broker would refuse the rest'
        : 'the broker would drop the oldest messages to make room';
    const reason = `the queue holds at most ${messages.most} messages and has ${ready}: ${expected} more ${expected === 1 ? 'does' : 'do'} not fit, ${effect}`;
    return { reason, hint: SEND_LESS };
  }
  if (bytes.most !== null && ready !== null && overflow !== 'reject-publish' && rules.bytesOf(ready) === null) {
    return {
      reason: `the queue holds at most ${bytes.most} bytes, and how many it has is not known yet: the management API counts them some seconds late`,
      hint: 'try again in some seconds, or use --lossy to send anyway',
    };
  }
  return null;
}

export function refuseOverflow({ reason, hint, code = 'PRECONDITION_FAILED' }: Overflow, queue: string): MqError {
  return new MqError(code, reason, { hint, backend: 'rabbitmq', operation: 'enqueue', queue });
}

/**
 * How much can still be sent to a queue before it drops its oldest messages, or (`reject-publish-dlx`) dead-letters a
 * copy of a message that it refuses. It is for callers who cannot say beforehand how many they will send. Messages that
 * consumers take meanwhile do not make room here: it errs in favour of the existing messages. The bytes in the queue
 * are those that the management API knows, some seconds late.
 */
export class Room {
  /** The most that the queue holds, and what happens to one more. */
  readonly fate: string;
  #messages: number;
  #bytes: number;

  private constructor(fate: string, messages: number, bytes: number) {
    this.fate = fate;
    this.#messages = messages;
    this.#bytes = bytes;
  }

  /** Null: it has no limit, or simply refuses the excess; or its content is unknown (see `overflowReason`). */
  static of(rules: QueueRules, ready: number | null): Room | null {
    const { overflow } = rules;
    const [messages, bytes] = [rules.limit('max-length'), rules.limit('max-length-bytes')];
    const most = messages.known ? messages.most : null;
    const mostBytes = bytes.known ? bytes.most : null;
    if (ready === null || rules.kind === 'rabbit-stream' || overflow === 'reject-publish') return null;
    if (most === null && mostBytes === null) return null;
    const limits = [
      ...(most === null ? [] : [`${most} messages`]),
      ...(mostBytes === null ? [] : [`${mostBytes} bytes`]),
    ];
    const fate = overflow === 'reject-publish-dlx' ? 'dead-letter a copy' : 'drop its oldest messages';
    return new Room(
      `the queue holds at most ${limits.join(' and ')}, and would ${fate} for one more`,
      most === null ? Number.POSITIVE_INFINITY : most - ready,
      mostBytes === null ? Number.POSITIVE_INFINITY : mostBytes - (rules.bytesOf(ready) ?? 0),
    );
  }

  /** Not one more fits, whatever its size. */
  get isOver(): boolean {
    return this.#messages < 1 || this.#bytes < 0;
  }

  /** Takes the place for one message, or says why there is none. */
  refusal(bodyBytes: number): string | null {
    if (this.isOver || this.#bytes < bodyBytes) return `${this.fate} (--lossy sends it anyway)`;
    this.#messages -= 1;
    this.#bytes -= bodyBytes;
    return null;
  }
}
