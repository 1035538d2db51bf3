import { MqError } from '../../../contract/errors.ts';
import type { Questions } from '../connection/answers.ts';

/** The figures of a passive declaration: live, but only these. Null: the broker could not count (see `liveFigures`). */
export interface LiveFigures {
  readonly ready: number | null;
  readonly consumers: number | null;
  /**
   * Why it is not counted: it is exclusive to another connection. Others can only send to it, and read about it in the
   * management API.
   */
  readonly lockedBy?: MqError;
}

/** How long RabbitMQ waits for the leader of a quorum queue when a declaration asks for its figures. */
export const LEADER_MS = 250;
/** Each is another `LEADER_MS` for a leader that is only busy. */
const TRIES = 8;

/**
 * Asks by passive declaration. The channel is used only for this.
 *
 * RabbitMQ answers with 0 messages and 0 consumers if the leader of a quorum queue has not answered it within 250 ms
 * (`rabbit_quorum_queue:stat`, up to 4.x; seen on 3.10.8 with a busy machine, and with a leader that was stopped: 5
 * messages were declared as 0 after 252 ms). So a 0 that took that long, beyond the time of any other answer on this
 * connection, is asked for again. If it stays 0, it is unknown.
 */
export async function liveFigures(channel: Questions, queue: string): Promise<LiveFigures> {
  let roundTripMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries++) {
    const asked = performance.now();
    const { messageCount: ready, consumerCount: consumers } = await channel.checkQueue(queue);
    const tookMs = performance.now() - asked;
    if (ready > 0 || consumers > 0 || tookMs < LEADER_MS) return { ready, consumers };
    const started = performance.now();
    await channel.prefetch(1);
    roundTripMs = Math.min(roundTripMs, performance.now() - started);
    if (tookMs - roundTripMs < LEADER_MS / 2) return { ready, consumers };
  }
  return { ready: null, consumers: null };
}

/** The queue exists, and is exclusive to another connection: the error says so. */
export function locked(error: MqError): LiveFigures {
  return { ready: null, consumers: null, lockedBy: error };
}

/** Why `ready` is null, in one sentence, for a row of figures. */
export function whyUncounted({ lockedBy }: LiveFigures): string {
  return lockedBy === undefined
    ? 'the leader of the quorum queue does not answer the broker in time'
    : 'the queue is exclusive to another connection, and only the management API counts it';
}

/** For a caller that needs the number. */
export function uncounted(queue: string, operation: string): MqError {
  return new MqError(
    'UNAVAILABLE',
    `the broker cannot count the messages of ${JSON.stringify(queue)}: the leader of the quorum queue does not answer it in time`,
    { hint: 'try again when the broker is less busy, or its nodes are back', backend: 'rabbitmq', operation, queue },
  );
}
