import { isMqError, MqError, throwIfAborted } from '../../../contract/errors.ts';
import type { BareBodies, Message, OutgoingMessage, SendOutcome } from '../../../contract/message.ts';
import type {
  DeadLetters,
  Peek,
  PeekOptions,
  Queue,
  QueueDescription,
  SurveyOptions,
} from '../../../contract/queue.ts';
import type { QueueStats } from '../../../contract/stats.ts';
import { frozen } from '../../common/frozen.ts';
import { Lease } from '../browsing/lease.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';
import { callWithBodies } from '../connection/wire.ts';
import { browse } from '../consumer.ts';
import { deadLettersIn } from '../dead-letters.ts';
import { TITLES } from '../framework.ts';
import { deadLetterQueueOf, internalsOf, isDeadLetterQueue, placeOf, rememberHandle, sourceOf } from '../handle.ts';
import { batchPublisher, outcomeOf, packed } from '../publisher.ts';
import { listCapabilities } from './capabilities.ts';
import {
  deadJobs,
  type FrameworkDead,
  frameworkRedrive,
  rqDead,
  sidekiqDead,
  surveyDead,
} from './dead-jobs/dead-jobs.ts';
import { dramatiqDead } from './dead-jobs/dramatiq.ts';
import { elementsOf } from './elements.ts';
import { type ListConvention, recogniseList } from './frameworks/convention.ts';
import { frameworkNotes } from './frameworks/notes.ts';
import { whyNotWorkable } from './frameworks/workable.ts';
import { elementMessage, listMisfits, plainDeath } from './message.ts';
import { listMove } from './move.ts';
import { listSource } from './source.ts';

/** KEYS[1] list. Returns how many were removed. UNLINK frees the memory without blocking the server. */
const PURGE = `
local count = redis.call('LLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
return count
`;

/** A handle of one list. The list need not exist: an empty list has no key. */
export function openList(connection: Connection, key: string, convention: ListConvention): Queue {
  const { settings } = connection;
  const { framework, next } = convention;
  const dlq = deadLetterQueueOf(settings, key);
  const source = sourceOf(settings, key);
  const dead: FrameworkDead | null =
    framework === 'rq'
      ? rqDead(connection, key)
      : framework === 'sidekiq'
        ? sidekiqDead(connection, key)
        : framework === 'dramatiq'
          ? dramatiqDead(connection, key)
          : null;
  const capabilities = frozen(
    listCapabilities({
      framework,
      hasDlq: dlq !== null,
      isDlq: isDeadLetterQueue(settings, key),
      frameworkDead: dead === null ? 'none' : settings.as === framework ? 'redrivable' : 'shown',
    }),
  );
  const plain = isDeadLetterQueue(settings, key) ? plainDeath(source) : null;

  async function stats(signal: AbortSignal): Promise<QueueStats> {
    const place = { operation: 'read the stats', queue: key, signal };
    const [ready, inDlq] = await connection.all(
      [['LLEN', key], ...(dlq === null ? [] : [['LLEN', dlq] as const])],
      place,
    );
    const inFramework = dlq === null && dead !== null ? await countOf(dead, signal) : null;
    const deadCount = dlq !== null ? asInteger(inDlq) : inFramework?.count;
    // A list whose framework keeps a register is deleted if it is neither there nor on the register. Any other list
    // without a key is empty.
    if (ready === 0 && convention.registered && !(await recogniseList(connection, key, signal, true)).registered) {
      throw new MqError('QUEUE_NOT_FOUND', `the queue ${key} no longer exists`, {
        backend: 'redis',
        operation: 'stats',
        queue: key,
      });
    }
    const beside = await frameworkNotes(connection, key, framework, signal);
    const because = convention.because;
    return listStats(key, asInteger(ready), deadCount, {
      ...beside,
      ready: beside.ready === undefined ? because : `${beside.ready}; ${because}`,
      ...(inFramework === null || inFramework.note === null ? {} : { dead: inFramework.note }),
    });
  }

  async function describe(signal: AbortSignal): Promise<QueueDescription> {
    const [encoding, memory] = await connection.each(
      [
        ['OBJECT', 'ENCODING', key],
        ['MEMORY', 'USAGE', key],
      ],
      { operation: 'describe', queue: key, signal },
    );
    return {
      configuration: { next, framework: framework === null ? null : TITLES[framework], deadLetterQueue: dlq },
      details: {
        convention: convention.because,
        encoding: encoding?.ok === true && typeof encoding.reply === 'string' ? encoding.reply : null,
        memoryBytes: memory?.ok === true && typeof memory.reply === 'number' ? memory.reply : null,
      },
      consumers: null,
    };
  }

  async function* ready(limit: number | null, signal: AbortSignal): AsyncGenerator<Message> {
    for await (const body of elementsOf(connection, { key, next }, limit, signal)) {
      yield elementMessage(key, body, framework, 'ready', plain);
    }
  }

  function peek(options: PeekOptions): Promise<Peek> {
    const { limit, signal, state } = options;
    if (state === 'dead' && dead !== null && dlq === null) {
      return Promise.resolve(freePeek(() => deadJobs(dead, limit, signal)));
    }
    if (state === 'ready') return Promise.resolve(freePeek(() => ready(limit, signal)));
    const why =
      state === 'dead' && dlq !== null ? `its dead letters are in ${dlq}` : `a list has no messages in state ${state}`;
    return Promise.reject(
      new MqError('NOT_SUPPORTED', `cannot peek at ${key}: ${why}`, {
        backend: 'redis',
        operation: 'peek',
        queue: key,
      }),
    );
  }

  /** Ids outlive their jobs among the dead, not in the list. */
  async function survey(jobs: FrameworkDead, options: SurveyOptions) {
    if (options.state === 'dead' && dlq === null) return surveyDead(jobs, options);
    const count = asInteger(
      await connection.call(['LLEN', key], { operation: 'read the stats', queue: key, signal: options.signal }),
    );
    return { moved: Math.min(count, options.limit ?? count), skipped: [], failed: [] };
  }

  const deadLetters = async (): Promise<DeadLetters> => deadLettersIn(dlq, dead !== null, source);

  /** One call, so that all of them are stored or none. */
  async function push(bodies: BareBodies): Promise<readonly SendOutcome[]> {
    const name = next === 'right' ? 'LPUSH' : 'RPUSH';
    const place = { operation: 'send', queue: key };
    const call = { name, key, count: 1 };
    const outcomes = await connection.written(callWithBodies([name, key], bodies), call, place, (answer) =>
      outcomeOf(answer, key),
    );
    return new Array<SendOutcome>(bodies.bounds.length / 2).fill(outcomes[0] ?? outcomeOf(undefined, key));
  }

  /** Only bodies that the workers of the framework can run. */
  async function pushWorkable(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]> {
    if (framework === null) return push(packed(messages));
    const bodies = messages.map(({ body }) => Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    const reasons = await whyNotWorkable(connection, key, framework, bodies);
    const workable = messages.filter((_, index) => reasons[index] === null);
    const outcomes = workable.length === 0 ? [] : await push(packed(workable));
    let next = 0;
    return reasons.map((reason) =>
      reason === null ? (outcomes[next++] ?? outcomeOf(undefined, key)) : { status: 'failed', reason },
    );
  }

  const queue: Queue = {
    name: key,
    place: placeOf(connection.settings, key),
    kind: 'list',
    capabilities,
    stats,
    describe,
    peek,
    publisher: (options) =>
      Promise.resolve(
        batchPublisher(
          {
            queue: key,
            misfits: listMisfits,
            store: framework === null ? (messages) => push(packed(messages)) : pushWorkable,
            ...(framework === null ? { storeBodies: push } : {}),
          },
          options,
        ),
      ),
    consume(options) {
      if (options.state === 'dead') {
        const hint = dlq === null ? undefined : `drain ${dlq} instead`;
        return Promise.reject(
          new MqError('NOT_SUPPORTED', `cannot take dead letters out of ${key} itself`, {
            hint,
            backend: 'redis',
            operation: 'drain',
            queue: key,
          }),
        );
      }
      return Promise.resolve(
        browse(
          listSource({ connection, key, next, framework, dead: plain }),
          options,
          key,
          new Lease(connection, key, key),
        ),
      );
    },
    async purge({ signal }) {
      throwIfAborted(signal);
      return { removed: asInteger(await connection.script(PURGE, [key], [], { operation: 'purge', queue: key })) };
    },
    async nativeMove(request) {
      if (request.countReplay) return null;
      if (request.state === 'dead') {
        const sameQueue = request.to === 'origin' || internalsOf(request.to)?.key === key;
        return dead !== null && dlq === null && settings.as === framework && sameQueue
          ? frameworkRedrive(dead, request)
          : null;
      }
      const to = request.to === 'origin' ? await originOf(connection, source, request.signal) : internalsOf(request.to);
      if (to === null || to.kind !== 'list' || to.connection !== connection || to.key === key) return null;
      // The messages have to be looked at, because some may not be work of the target's framework. Messages from its
      // own dead-letter list are such work.
      if (to.framework !== null && to.framework !== framework && request.to !== 'origin') return null;
      if (!(await connection.sameSlot([key, to.key]))) return null;
      return listMove(connection, { key, next }, to, request);
    },
    ...(capabilities.abilities.deadLetters.supported ? { deadLetters } : {}),
    ...(dead === null ? {} : { survey: (options: SurveyOptions) => survey(dead, options) }),
  };
  return rememberHandle(queue, { kind: 'list', connection, key, next, framework });
}

/** The source of a dead-letter list may be empty. Then only its framework tells from which end its consumers take. */
async function originOf(connection: Connection, source: string | null, signal: AbortSignal) {
  if (source === null) return null;
  const { next, framework } = await recogniseList(connection, source, signal);
  return { kind: 'list', connection, key: source, next, framework } as const;
}

/** If the dead jobs cannot be read, only that one figure is missing. */
async function countOf(dead: FrameworkDead, signal: AbortSignal) {
  try {
    return await dead.count(signal);
  } catch (error) {
    if (!isMqError(error) || !COSTS_ONE_FIGURE.has(error.code)) throw error;
    return { count: null, note: error.message };
  }
}

const COSTS_ONE_FIGURE: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'PRECONDITION_FAILED']);

/** Without `dead` if the kind has none here. */
function listStats(
  key: string,
  ready: number | null,
  dead: number | null | undefined,
  notes: QueueStats['notes'],
): QueueStats {
  return {
    queue: key,
    broker: 'redis',
    kind: 'list',
    state: 'running',
    ready,
    ...(dead === undefined ? {} : { dead }),
    depth: ready,
    consumers: null,
    oldestAgeMs: null,
    rates: { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null },
    approximate: [],
    notes: {
      ...notes,
      consumers: 'Redis does not say which clients wait on a list',
      oldestAgeMs: 'elements of a list carry no time',
      rates: 'a list counts nothing: only the change of its depth can be seen',
    },
    sampledAt: Date.now(),
  };
}

function freePeek(read: () => AsyncIterable<Message>): Peek {
  return { price: null, [Symbol.asyncIterator]: () => read()[Symbol.asyncIterator]() };
}
