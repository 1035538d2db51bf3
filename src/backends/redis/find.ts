import { MqError } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import { bullCalls, findBull } from './bullmq/find.ts';
import { openBull } from './bullmq/queue.ts';
import { askedTogether } from './connection/asked-together.ts';
import type { Call, Connection } from './connection/connection.ts';
import { asText } from './connection/reply.ts';
import { isDeadLetterQueue, sourceOf } from './handle.ts';
import { listCalls, recogniseList } from './list/frameworks/convention.ts';
import { openList } from './list/queue.ts';
import { openStream } from './stream/queue.ts';
import type { RedisSettings } from './url.ts';

/**
 * Opens the queue of that name as the kind that it is: BullMQ if its bookkeeping keys exist, else by the type of the
 * key. A kind that the URL forces is only checked. Throws `QUEUE_NOT_FOUND`. Only reads.
 */
export async function findQueue(connection: Connection, name: string, signal: AbortSignal): Promise<Queue> {
  const { kind } = connection.settings;
  await connection.resolveDoubts(signal);
  const opening = { operation: 'open the queue', queue: name, signal };
  const asking = await askedTogether(connection, questionsOf(connection.settings, name), opening);
  let denied: MqError | null = null;
  if (kind === null || kind === 'bullmq') {
    const bull = await findBull(asking, name, signal, (_, error) => {
      denied = error;
    });
    if (bull !== null) return openBull(connection, bull);
    if (kind === 'bullmq')
      throw (
        denied ??
        notFound(name, 'BullMQ queue', 'mq create creates it, and so does its producer or worker when it starts')
      );
  }
  const [answer] = await asking.all([typeCall(name)], opening);
  const type = asText(answer);
  if (type === 'stream' && kind !== 'list') return openStream(connection, name, signal);
  if (type === 'none' && (await isAwaitedStream(connection, name, signal))) return openStream(connection, name, signal);
  if (kind === 'stream') {
    if (type === 'none') throw notFound(name, 'stream', 'mq create creates it');
    throw wrongType(name, type, 'stream');
  }
  if (type === 'list' || type === 'none') {
    const convention = await recogniseList(asking, name, signal, type === 'none' && kind === null);
    // An empty list has no key, so such a name is a list only if something vouches for it.
    if (type === 'list' || kind === 'list' || convention.registered || isDeadLetterQueue(connection.settings, name))
      return openList(connection, name, convention);
    throw (
      denied ??
      notFound(name, 'queue', 'an empty Redis list does not exist; add ?kind=list to the URL to use it nevertheless')
    );
  }
  throw wrongType(name, type, kind ?? 'queue');
}

/** The questions that tell of what kind a queue is, whatever it is: so one write asks them all. */
export function questionsOf(settings: RedisSettings, name: string): readonly Call[] {
  const { kind } = settings;
  return [
    ...(kind === null || kind === 'bullmq' ? bullCalls(settings, name) : []),
    ...(kind === 'bullmq' ? [] : [typeCall(name)]),
    ...(kind === null || kind === 'list' ? listCalls(name) : []),
  ];
}

function typeCall(name: string): Call {
  return ['TYPE', name];
}

/** A dead-letter stream that its first dead letter will create. */
async function isAwaitedStream(connection: Connection, name: string, signal: AbortSignal): Promise<boolean> {
  const { settings } = connection;
  if (settings.kind === 'list' || !isDeadLetterQueue(settings, name)) return false;
  if (settings.kind === 'stream') return true;
  const source = sourceOf(settings, name);
  const place = { operation: 'open the queue', queue: name, signal };
  return source !== null && asText(await connection.call(['TYPE', source], place)) === 'stream';
}

function notFound(name: string, what: string, hint: string): MqError {
  return new MqError('QUEUE_NOT_FOUND', `there is no ${what} ${name}`, {
    hint,
    backend: 'redis',
    operation: 'open',
    queue: name,
  });
}

function wrongType(name: string, type: string, wanted: string): MqError {
  return new MqError('PRECONDITION_FAILED', `the key ${name} is a ${type}, not a ${wanted}`, {
    backend: 'redis',
    operation: 'open',
    queue: name,
  });
}
