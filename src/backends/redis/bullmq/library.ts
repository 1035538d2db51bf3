import type { Job, JobJson, Queue } from 'bullmq';
import { MqError } from '../../../contract/errors.ts';
import type { Argument, Connection } from '../connection/connection.ts';
import type { BullPlace } from './find.ts';

export interface BullLibrary {
  readonly queue: Queue;
  readonly Job: typeof Job;
  /** The call that the library would make to add this job: the name of its script and all its arguments. */
  adding(job: JobJson, id: string, run: RunScript): Promise<unknown>;
  /** The name of a script of the library, as the library gave it to the client. */
  commandOf(name: string): string;
}

export type RunScript = (command: string, args: readonly Argument[]) => unknown;

const open = new WeakMap<Connection, Map<string, Promise<BullLibrary>>>();

/**
 * The library's own handle, for changes of state that must be made as it makes them: its scripts keep the queue's
 * invariants. It is loaded only for those. It never writes the queue's `meta`: a plain `new Queue()` overwrites the
 * application's settings and creates queues by mistake. It shares the connection, so it needs no closing.
 */
export function bullLibrary(connection: Connection, bull: BullPlace): Promise<BullLibrary> {
  const handles = open.get(connection) ?? new Map<string, Promise<BullLibrary>>();
  open.set(connection, handles);
  const found = handles.get(bull.base) ?? load(connection, bull);
  handles.set(bull.base, found);
  return found;
}

async function load(connection: Connection, bull: BullPlace): Promise<BullLibrary> {
  const { Job, Queue, RedisQueueBackend } = await import('bullmq');
  const queue = new Queue(bull.name, {
    connection: connection.client,
    prefix: bull.prefix,
    skipMetasUpdate: true,
    skipVersionCheck: true,
  });
  // Errors of the connection reach each call. Without a listener the process would end.
  queue.on('error', () => {});
  await queue.waitUntilReady();
  const backend: unknown = queue.getBackend();
  if (!(backend instanceof RedisQueueBackend)) throw new MqError('INTERNAL', 'the BullMQ library has another backend');
  return {
    queue,
    Job,
    // Made for transactions: the object in place of a client is told what to run.
    adding: (job, id, run): Promise<unknown> =>
      Reflect.apply(backend.addJobToTransaction, backend, [{ runCommand: run }, job, id]),
    commandOf: (name): string =>
      Reflect.apply(backend.execCommand, backend, [{ runCommand: (own: string) => own }, name, []]),
  };
}

/** The library numbers its refusals (`ErrorCode` in bullmq). */
export function refusalOfCode(code: number): string {
  return REFUSALS[code] ?? 'the library refused it';
}

const REFUSALS: Readonly<Record<number, string>> = {
  [-1]: 'the job no longer exists',
  [-2]: 'the job is locked by a worker',
  [-3]: 'the job is in another state now',
  [-4]: 'the job waits for its children',
  [-5]: 'its parent no longer exists',
  [-8]: 'the job belongs to a scheduler',
};
