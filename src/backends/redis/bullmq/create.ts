import { MqError } from '../../../contract/errors.ts';
import type { Connection } from '../connection/connection.ts';
import { redisError } from '../errors.ts';
import { findBull, placeOf } from './find.ts';
import { bullLibrary } from './library.ts';

/** Writes the keys that a producer would write: the queue exists from then on. */
export async function createBull(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  const place = { operation: 'create', queue: name };
  if ((await findBull(connection, name, signal)) !== null) {
    throw new MqError('ALREADY_EXISTS', `there is a BullMQ queue ${name} already`, { backend: 'redis', ...place });
  }
  if (name.includes(':') || name === '') {
    throw new MqError('USAGE', 'the name of a BullMQ queue cannot be empty or hold a colon', {
      hint: 'give another prefix with ?prefix=',
      backend: 'redis',
      ...place,
    });
  }
  const prefix = connection.settings.prefix ?? 'bull';
  const bull = placeOf(`${prefix}:${name}`, 'bullmq', prefix, 6);
  try {
    const { queue } = await bullLibrary(connection, bull);
    await queue.getBackend().setQueueMeta({ ...queue.metaValues });
  } catch (error) {
    throw redisError(error, place);
  }
}
