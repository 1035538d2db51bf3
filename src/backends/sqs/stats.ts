import { depthOf, type QueueStats } from '../../contract/stats.ts';
import type { ClockReading } from '../common/clock.ts';
import { parkedNote } from '../common/conventions/queue-names.ts';
import { count, type QueueAttributes } from './queues/facts.ts';
import { isFifoName } from './queues/names.ts';
import { isPaused } from './queues/pause-policy.ts';

/** The dead letters of a queue, as far as they can be seen. */
export interface DeadCount {
  readonly queue: string;
  /** Null: it could not be read. */
  readonly depth: number | null;
  /** Other queues whose dead letters are in there too; null: unknown. */
  readonly sharers: readonly string[] | null;
}

const AGE_NOTE = 'SQS tells the age of the oldest message only through CloudWatch (ApproximateAgeOfOldestMessage)';

const NO_DEAD_LETTERS = 'no dead-letter queue: a message that fails stays until it expires';

const RATES_NOTE =
  'SQS counts messages in and out only in CloudWatch (NumberOfMessagesSent, NumberOfMessagesDeleted); here only the change of the depth can be seen';

/** `read`: the attributes, or why they could not be read. `dead` null: the queue has no dead-letter queue. */
export function readStats(
  queue: string,
  read: QueueAttributes | string,
  dead: DeadCount | null,
  clock: ClockReading | null,
): QueueStats {
  const [attributes, why] = typeof read === 'string' ? [null, read] : [read, null];
  const ready = count(attributes?.ApproximateNumberOfMessages);
  const inFlight = count(attributes?.ApproximateNumberOfMessagesNotVisible);
  const delayed = count(attributes?.ApproximateNumberOfMessagesDelayed);
  return {
    queue,
    broker: 'sqs',
    kind: isFifoName(queue) ? 'fifo' : 'standard',
    state: attributes === null ? 'unknown' : isPaused(attributes.Policy) ? 'paused' : 'running',
    ready,
    inFlight,
    delayed,
    // Without a dead-letter queue no dead letters are kept anywhere, so the zero is certain.
    dead: dead === null ? (attributes === null ? null : 0) : dead.depth,
    depth: depthOf(ready, inFlight, delayed),
    oldestAgeMs: null,
    approximate: ['ready', 'inFlight', 'delayed', 'depth', 'dead'],
    notes: {
      oldestAgeMs: AGE_NOTE,
      rates: RATES_NOTE,
      ...(why === null ? {} : { ready: why, dead: why }),
      ...(dead === null && attributes === null
        ? {}
        : {
            dead:
              dead === null
                ? [NO_DEAD_LETTERS, parkedNote(queue)].filter((part) => part !== null).join('; ')
                : deadNote(dead),
          }),
    },
    sampledAt: Date.now(),
    ...(clock === null ? {} : { brokerTime: latestTime(clock) }),
  };
}

/** The latest that the server's time can be now, in milliseconds since the epoch. */
export function latestTime(clock: ClockReading | null): number {
  return Math.ceil(Date.now() + (clock === null ? 0 : clock.skewMs + clock.accuracyMs));
}

/**
 * Everything in a dead-letter queue, including messages in flight: a message that was given up on is dead even while a
 * consumer looks at it.
 */
export function depthOfAttributes(attributes: QueueAttributes): number | null {
  return depthOf(
    count(attributes.ApproximateNumberOfMessages),
    count(attributes.ApproximateNumberOfMessagesNotVisible),
    count(attributes.ApproximateNumberOfMessagesDelayed),
  );
}

function deadNote({ queue, depth, sharers }: DeadCount): string {
  if (depth === null) return `in ${queue}, which cannot be read`;
  if (sharers === null) return `in ${queue}; which other queues share it is not known`;
  return sharers.length === 0 ? `in ${queue}` : `in ${queue}, shared with ${sharers.join(', ')}`;
}
