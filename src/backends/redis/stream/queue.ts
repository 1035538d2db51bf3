import { MqError } from '../../../contract/errors.ts';
import type { Message, MessageState } from '../../../contract/message.ts';
import type { DeadLetters, Peek, PeekOptions, PurgeOptions, Queue } from '../../../contract/queue.ts';
import { frozen } from '../../common/frozen.ts';
import { Lease } from '../browsing/lease.ts';
import type { Connection } from '../connection/connection.ts';
import { browse } from '../consumer.ts';
import { deadLettersIn } from '../dead-letters.ts';
import { internalsOf, placeOf, rememberHandle } from '../handle.ts';
import { streamCapabilities } from './capabilities.ts';
import { readFacts } from './facts.ts';
import { streamMove } from './move.ts';
import { pauseGroup, resumeGroup } from './pause.ts';
import { getEntry, peekPending, peekReady } from './peek.ts';
import { streamPublisher } from './publisher.ts';
import { mayPurge, purgeStream } from './purge.ts';
import { deadSource, unreadSource } from './source.ts';
import { describeStream, streamStats } from './stats.ts';
import { refusalOf, statsWithoutGroups, withoutGroups } from './unasked.ts';
import { refuseIfOthersNeed, viewOf } from './view.ts';

/** A handle of one stream, through the group of `?group=`, or its only group, or none. */
export async function openStream(connection: Connection, key: string, signal: AbortSignal): Promise<Queue> {
  const { groups, refusal } = await readGroups(connection, key, signal);
  const wanted = connection.settings.group;
  const found =
    wanted === null ? (groups.length === 1 ? groups[0] : undefined) : groups.find(({ name }) => name === wanted);
  // If the user may not ask for groups, calls that need one are refused for that reason, not because a group is
  // missing.
  const group = found?.name ?? (refusal === null ? null : (wanted ?? ''));
  const view = viewOf(connection, key, group);
  const capabilities = frozen(
    streamCapabilities({
      group,
      groups: groups.map(({ name }) => name),
      hasDlq: view.dlq !== null,
      isDlq: view.death !== null,
    }),
  );

  async function peek({ state, limit, notice, signal }: PeekOptions): Promise<Peek> {
    if (state === 'ready') return freePeek(() => peekReady(view, limit, signal));
    const peekable = capabilities.abilities.peek.supported && capabilities.abilities.peek.states.includes(state);
    if ((state === 'in-flight' || state === 'dead') && peekable)
      return freePeek(() => peekPending(view, state, limit, notice, signal));
    throw new MqError(
      'NOT_SUPPORTED',
      `cannot peek at ${key}: this handle of a stream shows no messages in state ${state}`,
      {
        hint:
          view.dlq !== null && state === 'dead'
            ? `its dead letters are in ${view.dlq}`
            : 'name a consumer group with ?group=NAME in the URL',
        backend: 'redis',
        operation: 'peek',
        queue: key,
      },
    );
  }

  const deadLetters = async (): Promise<DeadLetters> => deadLettersIn(view.dlq, group !== null, view.source);

  const queue: Queue = {
    name: key,
    place: placeOf(connection.settings, key),
    kind: 'stream',
    capabilities,
    stats: (signal) =>
      refusal === null ? streamStats(view, signal) : statsWithoutGroups(connection, key, refusal, signal),
    describe: (signal) => describeStream(view, signal),
    peek,
    get: (id, signal) => getEntry(view, id, signal),
    publisher: async (options) => streamPublisher(connection, key, options),
    async consume(options) {
      const facts = await readFacts(connection, key, options.signal);
      if (options.state === 'ready') {
        await refuseIfOthersNeed(view, facts, 'take messages out of', options.signal);
        return browse(unreadSource(view), options, key, new Lease(connection, key, key));
      }
      if (group === null || view.dlq !== null) {
        throw new MqError('NOT_SUPPORTED', `cannot take dead letters out of ${key} itself`, {
          hint: view.dlq === null ? 'name a consumer group with ?group=NAME in the URL' : `they are in ${view.dlq}`,
          backend: 'redis',
          operation: 'drain',
          queue: key,
        });
      }
      return browse(deadSource(view, facts.groups.length === 1), options, key, new Lease(connection, key, key));
    },
    ...(capabilities.abilities.drain.supported
      ? {
          async mayTake(state: MessageState, signal: AbortSignal) {
            if (state !== 'ready') return;
            await refuseIfOthersNeed(view, await readFacts(connection, key, signal), 'take messages out of', signal);
          },
        }
      : {}),
    ...(capabilities.abilities.purge.supported
      ? {
          purge: (options: PurgeOptions) => purgeStream(view, options),
          mayPurge: async (states: readonly MessageState[], signal: AbortSignal) =>
            mayPurge(view, await readFacts(connection, key, signal), states, signal),
        }
      : {}),
    async nativeMove(request) {
      const facts = await readFacts(connection, key, request.signal);
      if (request.state === 'dead' && (group === null || view.dlq !== null)) return null;
      const target =
        request.to === 'origin' ? (request.state === 'dead' ? key : view.source) : streamKeyOf(request.to, connection);
      if (target === null || (request.state === 'ready' && target === key)) return null;
      if (!(await connection.sameSlot([key, target]))) return null;
      if (request.state === 'ready') await refuseIfOthersNeed(view, facts, 'move messages out of', request.signal);
      if (request.state === 'dead' && target === key && facts.groups.length > 1) {
        request.notice(`the entries are added to ${key} anew, so its other groups get them once more`);
      }
      return streamMove(view, target, facts.groups.length <= 1, request);
    },
    ...(group === null
      ? {}
      : {
          pause: ({ reason }) => pauseGroup(connection, key, group, reason),
          resume: () => resumeGroup(connection, key, group),
        }),
    ...(capabilities.abilities.deadLetters.supported ? { deadLetters } : {}),
  };
  return rememberHandle(refusal === null ? queue : withoutGroups(queue, refusal), { kind: 'stream', connection, key });
}

async function readGroups(connection: Connection, key: string, signal: AbortSignal) {
  try {
    return { groups: (await readFacts(connection, key, signal)).groups, refusal: null };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null) throw error;
    return { groups: [], refusal };
  }
}

function streamKeyOf(queue: Queue, connection: Connection): string | null {
  const internals = internalsOf(queue);
  return internals?.kind === 'stream' && internals.connection === connection ? internals.key : null;
}

function freePeek(read: () => AsyncIterable<Message>): Peek {
  return { price: null, [Symbol.asyncIterator]: () => read()[Symbol.asyncIterator]() };
}
