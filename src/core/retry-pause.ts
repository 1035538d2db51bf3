/**
 * Attempts that follow each other at once: the largest usual limit of a queue (RabbitMQ 4's quorum queues: 20). A queue
 * with a limit ends them itself.
 */
const QUICK_ATTEMPTS = 20;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * How long a worker keeps a failed message before it gives it back, in milliseconds: nothing for the first attempts,
 * then a second, then twice as long each time, up to half a minute. Without a limit of the queue, one bad message would
 * otherwise be tried thousands of times a minute.
 */
export function retryPauseMs(attempts: number): number {
  if (attempts < QUICK_ATTEMPTS) return 0;
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempts - QUICK_ATTEMPTS));
}
