import { MqError } from '../../contract/errors.ts';
import { limitSetting, type QueueInfo, textSetting } from './queue-info.ts';

/** What a new message for a queue with these settings would overflow. Null: it fits, or there is no limit. */
export function overflowReason(room: {
  readonly limit: number | null;
  readonly ready: number | null;
  readonly expected: number | null;
  readonly overflow: string | null;
}): string | null {
  const { limit, ready, expected, overflow } = room;
  if (limit === null || ready === null || expected === null || ready + expected <= limit) return null;
  const effect =
    overflow === 'reject-publish' || overflow === 'reject-publish-dlx'
      ? 'the broker would refuse the rest'
      : 'the broker would drop the oldest messages to make room';
  return `the queue holds at most ${limit} messages and has ${ready}: ${expected} more do not fit, ${effect}`;
}

export function refuseOverflow(reason: string, queue: string): MqError {
  return new MqError('PRECONDITION_FAILED', reason, {
    hint: 'send fewer (--max, where messages are taken from a queue), raise x-max-length, or use --lossy to send all the same',
    backend: 'rabbitmq',
    operation: 'enqueue',
    queue,
  });
}

/**
 * What can still be sent to a queue before it drops its oldest messages, or (`reject-publish-dlx`) dead-letters a copy of what it refuses. For those
 * who cannot say beforehand how many they will send. What consumers take meanwhile makes no room here: it errs on the side of the messages that are
 * there. The bytes that are there are those that the management API knows of, which lag by some seconds.
 */
export class Room {
  readonly #fate: string;
  #messages: number;
  #bytes: number;

  private constructor(fate: string, messages: number, bytes: number) {
    this.#fate = fate;
    this.#messages = messages;
    this.#bytes = bytes;
  }

  /** Null: it has no limit, or simply refuses what is too much. A stream forgets its oldest messages by design. */
  static of(info: QueueInfo, ready: number): Room | null {
    const overflow = textSetting(info, 'overflow') ?? 'drop-head';
    const most = limitSetting(info, 'max-length');
    const mostBytes = limitSetting(info, 'max-length-bytes');
    if (info.kind === 'rabbit-stream' || overflow === 'reject-publish' || (most === null && mostBytes === null))
      return null;
    const limits = [
      ...(most === null ? [] : [`${most} messages`]),
      ...(mostBytes === null ? [] : [`${mostBytes} bytes`]),
    ];
    const fate = overflow === 'drop-head' ? 'drop its oldest messages' : 'dead-letter a copy';
    return new Room(
      `the queue holds at most ${limits.join(' and ')}, and would ${fate} for this one (--lossy sends it all the same)`,
      most === null ? Number.POSITIVE_INFINITY : most - ready,
      mostBytes === null ? Number.POSITIVE_INFINITY : mostBytes - (info.readyBytes ?? 0),
    );
  }

  /** Takes the place for one message, or says why there is none. */
  refusal(bodyBytes: number): string | null {
    if (this.#messages < 1 || this.#bytes < bodyBytes) return this.#fate;
    this.#messages -= 1;
    this.#bytes -= bodyBytes;
    return null;
  }
}
