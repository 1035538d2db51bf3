import type { Backend } from '../../contract/backend.ts';
import { RedisBroker } from './broker.ts';
import { BULLMQ_CAPABILITIES } from './bullmq/capabilities.ts';
import { Connection } from './connection/connection.ts';
import { questionsOf } from './find.ts';
import { LIST_CAPABILITIES } from './list/capabilities.ts';
import { STREAM_CAPABILITIES } from './stream/capabilities.ts';
import { parseRedisUrl } from './url.ts';

/**
 * Redis and Valkey: BullMQ queues, streams with consumer groups, plain lists. The URL's parameters are in `README.md`.
 */
export const backend: Backend = {
  name: 'redis',
  kinds: [BULLMQ_CAPABILITIES, STREAM_CAPABILITIES, LIST_CAPABILITIES],
  async open(url, { connectTimeoutMs, timeoutMs = DEFAULT_TIMEOUT_MS, signal, expects }) {
    const settings = parseRedisUrl(url);
    const first = expects === undefined ? [] : questionsOf(settings, expects);
    return new RedisBroker(await Connection.open(settings, { connectTimeoutMs, timeoutMs }, signal, first));
  },
};

/** The limit if no one says how long an answer may take. */
const DEFAULT_TIMEOUT_MS = 30_000;
