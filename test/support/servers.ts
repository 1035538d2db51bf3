import { inject } from 'vitest';
import type { Answers } from './server-desk.ts';

/**
 * The shared servers of this test run. Each is started when the first test file asks for it and ends with the run;
 * projects of another release (`redis-8`, `rabbitmq-4`) get that one. Many test files share a server: use names of your
 * own and clean up.
 */
async function ask<K extends keyof Answers>(kind: K): Promise<Answers[K]> {
  const response = await fetch(new URL(`/${kind}/${inject('release')}`, inject('serverDesk')));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as Answers[K];
}

/** `MQ_TEST_REDIS_URL`, or a `redis-server` of our own on a free port. */
export const redis = () => ask('redis');

/** `MQ_TEST_RABBITMQ_URL` with `MQ_TEST_RABBITMQ_MANAGEMENT_URL`, or a broker of our own. Better: `rabbitmqVhost()`. */
export const rabbitmq = () => ask('rabbitmq');

/** The two emulators in the test runner's process. An SQS of the operator's own is added by `sqs/places.ts`. */
export const sqs = () => ask('sqs');

/** How to start further servers of the same release: `startRedis(await redisProgram(), {…})`. */
export const redisProgram = () => ask('redis-program');
export const rabbitmqProgram = () => ask('rabbitmq-program');
