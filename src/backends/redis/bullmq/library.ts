import type { Job, Queue } from 'bullmq';
import type { Connection } from '../connection.ts';
import type { BullPlace } from './find.ts';

export interface BullLibrary {
  readonly queue: Queue;
  readonly Job: typeof Job;
}

const open = new WeakMap<Connection, Map<string, Promise<BullLibrary>>>();

/**
 * The library's own handle, for everything that changes state: its scripts keep the queue's invariants. Loaded only then. It never
 * writes the queue's `meta`: a plain `new Queue()` overwrites the application's settings and makes queues that nobody asked for.
 * It shares the connection, so it needs no closing.
 */
export function bullLibrary(connection: Connection, bull: BullPlace): Promise<BullLibrary> {
  const handles = open.get(connection) ?? new Map<string, Promise<BullLibrary>>();
  open.set(connection, handles);
  const found = handles.get(bull.base) ?? load(connection, bull);
  handles.set(bull.base, found);
  return found;
}

async function load(connection: Connection, bull: BullPlace): Promise<BullLibrary> {
  const { Job, Queue } = await import('bullmq');
  const queue = new Queue(bull.name, {
    connection: connection.client,
    prefix: bull.prefix,
    skipMetasUpdate: true,
    skipVersionCheck: true,
  });
  // Errors of the connection reach each call; without a listener the process would end.
  queue.on('error', () => {});
  await queue.waitUntilReady();
  return { queue, Job };
}

/** The library numbers its refusals (`ErrorCode` in bullmq); anything else is a fault of the connection or the server. */
export function refusalOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') return null;
  return REFUSALS[error.code] ?? 'the library refused it';
}

const REFUSALS: Readonly<Record<number, string>> = {
  [-1]: 'the job is not there any more',
  [-2]: 'the job is locked by a worker',
  [-3]: 'the job is in another state now',
  [-4]: 'the job waits for its children',
  [-5]: 'its parent is not there any more',
  [-8]: 'the job belongs to a scheduler',
};
