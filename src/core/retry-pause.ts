/**
 * As many attempts as the largest usual limit of a queue (RabbitMQ 4's quorum queues: 20) follow each other at once; a
 * queue that limits them ends them itself.
 */
const QUICK_ATTEMPTS = 20;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * How long a worker keeps a message that has failed before it gives it back, in milliseconds: nothing for the first
 * attempts, then a second, doubled with each further one up to half a minute. Where no queue bounds the attempts, one
 * bad message would be tried thousands of times a minute.
 */
export function retryPauseMs(attempts: number): number {
  if (attempts < QUICK_ATTEMPTS) return 0;
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempts - QUICK_ATTEMPTS));
}
