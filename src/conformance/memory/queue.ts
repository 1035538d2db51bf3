import type { Capabilities } from '../../contract/capabilities.ts';
import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import { type Message, metadataOf, type OutgoingMessage } from '../../contract/message.ts';
import type { NativeMove, NativeMoveRequest, NativeProgress, Peek, Publisher, Queue } from '../../contract/queue.ts';
import { depthOf, type QueueStats } from '../../contract/stats.ts';
import { consumeMemory } from './consumer.ts';
import type { Fault } from './faults.ts';
import type { MemoryState, Stored } from './state.ts';

export interface MemoryConnection {
  readonly capabilities: Capabilities;
  readonly has: (fault: Fault) => boolean;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
  readonly find: (name: string) => MemoryState | undefined;
}

export function memoryStats(state: MemoryState, { capabilities, has }: MemoryConnection): QueueStats {
  const { counts } = capabilities;
  const ready = state.list('ready').length + (has('counts one too many') ? 1 : 0);
  const figure = (degree: string, count: number) => {
    if (degree === 'absent') return undefined;
    return degree === 'unknown' ? (has('unknown state counts as zero') ? 0 : null) : count;
  };
  const inFlight = figure(counts.inFlight, state.list('in-flight').length);
  const delayed = figure(counts.delayed, state.list('delayed').length);
  const dead = figure(counts.dead, state.list('dead').length);
  return {
    queue: state.name,
    broker: 'memory',
    kind: 'memory',
    state: state.paused ? 'paused' : 'running',
    ready,
    ...(inFlight === undefined ? {} : { inFlight }),
    ...(delayed === undefined ? {} : { delayed }),
    ...(dead === undefined ? {} : { dead }),
    depth: depthOf(ready, inFlight, delayed),
    approximate: [],
    notes: {},
    sampledAt: Date.now(),
  };
}

/** Deliberately simple: it shows what the contract asks for, and it tests the conformance suite. */
export function memoryQueue(state: MemoryState, connection: MemoryConnection): Queue {
  const { has } = connection;
  const { abilities } = connection.capabilities;
  const check = (signal?: AbortSignal) => {
    if (connection.closed.aborted) throw new MqError('UNAVAILABLE', 'the connection is closed');
    if (signal !== undefined) throwIfAborted(signal);
    if (connection.find(state.name) !== state) throw new MqError('QUEUE_NOT_FOUND', `no queue ${state.name}`);
  };
  const capabilities = has('changes its record when used')
    ? structuredClone(connection.capabilities)
    : connection.capabilities;
  const optional: Partial<Queue> = {
    peek: async (options) => {
      check(options.signal);
      return peek(state, options.state, options.limit, options.signal, has);
    },
    get: async (id, signal) => {
      check(signal);
      const stored = everything(state).find(({ message }) => message.id === id);
      if (has('get disturbs') && stored !== undefined) state.remove(stored);
      return stored?.message ?? null;
    },
    purge: async ({ states, signal }) => {
      check(signal);
      const purged = has('purges every state') ? (['ready', 'delayed', 'dead'] as const) : states;
      const doomed = purged.flatMap((one) => [...state.list(one)]);
      for (const stored of doomed) state.remove(stored);
      return { removed: doomed.length - (has('purge says too few') ? 1 : 0) };
    },
    pause: async ({ signal }) => {
      check(signal);
      state.paused = true;
    },
    resume: async ({ signal }) => {
      check(signal);
      state.paused = false;
    },
    deadLetters: async (signal) => {
      check(signal);
      return {
        keptIn: { place: 'state' },
        sources: [],
        restore: (message) =>
          has('restore keeps the mark of death') ? message : { ...message, dead: null, state: 'ready' },
      };
    },
    nativeMove: async (request) => {
      check(request.signal);
      return nativeMove(state, request, connection);
    },
  };
  const present: Partial<Queue> = {
    ...(abilities.peek.supported || has('has a member for what it cannot do') ? { peek: optional.peek } : {}),
    ...(abilities.get.supported ? { get: optional.get } : {}),
    ...(abilities.purge.supported ? { purge: optional.purge } : {}),
    ...(abilities.pause.supported ? { pause: optional.pause, resume: optional.resume } : {}),
    ...(abilities.deadLetters.supported ? { deadLetters: optional.deadLetters } : {}),
    ...(abilities.redrive.supported && !has('lacks a trait that it declares')
      ? { nativeMove: optional.nativeMove }
      : {}),
  } as Partial<Queue>;
  return {
    name: state.name,
    place: `memory:${state.name}`,
    kind: 'memory',
    capabilities,
    ...present,
    stats: async (signal) => {
      check(signal);
      if (has('changes its record when used')) Object.assign(capabilities, { order: 'best-effort' });
      return memoryStats(state, connection);
    },
    describe: async (signal) => {
      check(signal);
      return { configuration: {}, details: {}, consumers: null };
    },
    publisher: async (options) => {
      check(options.signal);
      return publisher(state, connection, options.lossy, check);
    },
    consume: async (options) => {
      check(options.signal);
      return consumeMemory(state, options, has, connection.closed);
    },
  };
}

function everything(state: MemoryState): readonly Stored[] {
  return (['ready', 'in-flight', 'delayed', 'dead'] as const).flatMap((one) => [...state.list(one)]);
}

function publisher(
  state: MemoryState,
  { capabilities, has }: MemoryConnection,
  lossy: boolean,
  check: () => void,
): Publisher {
  const misfits = (message: OutgoingMessage) =>
    metadataOf(message)
      .filter((field) => !capabilities.holds.includes(field))
      .map((field) => `its ${field}`);
  return {
    misfits,
    ...(has('has a trait that it does not declare') ? { window: 5 } : {}),
    async send(outgoing) {
      const lost = misfits(outgoing);
      if (lost.length > 0 && !lossy) return { status: 'failed', reason: `it would lose ${lost.join(', ')}` };
      try {
        check();
      } catch (error) {
        return { status: 'failed', reason: isMqError(error) ? error.message : 'a bug' };
      }
      const id = outgoing.id ?? crypto.randomUUID();
      const { attempts, delayMs, backoff: _, replays, ...content } = outgoing;
      const holds = (field: (typeof capabilities.holds)[number]) => capabilities.holds.includes(field);
      const dead = replays === null ? null : { from: null, reason: null, error: null, at: null, count: null, replays };
      const message: Message = {
        ...content,
        id,
        headers: holds('headers') && !has('loses headers in silence') ? outgoing.headers : {},
        contentType: holds('contentType') ? outgoing.contentType : null,
        priority: null,
        groupId: null,
        deduplicationId: null,
        ttlMs: null,
        name: null,
        body: has('stored as text') ? Buffer.from(Buffer.from(outgoing.body).toString('utf8')) : outgoing.body.slice(),
        queue: state.name,
        state: 'ready',
        enqueuedAt: Date.now(),
        deliverAt: delayMs === null || !holds('delayMs') ? null : Date.now() + delayMs,
        receiveCount: 0,
        dead,
      };
      state.add(message, attempts);
      return { status: 'sent', id };
    },
    async close() {},
  };
}

function peek(
  state: MemoryState,
  wanted: Message['state'],
  limit: number | null,
  signal: AbortSignal,
  has: (fault: Fault) => boolean,
): Peek {
  const snapshot = [...state.list(wanted)].slice(0, limit ?? undefined);
  if (has('peek reverses the order')) snapshot.reverse();
  async function* messages(): AsyncGenerator<Message> {
    for (const stored of snapshot) {
      if (signal.aborted) return;
      if (has('peek removes')) state.remove(stored);
      yield stored.message;
    }
  }
  return { price: null, [Symbol.asyncIterator]: messages };
}

function nativeMove(source: MemoryState, request: NativeMoveRequest, { find, has }: MemoryConnection): NativeMove {
  const target = request.to === 'origin' ? source : find(request.to.name);
  let remaining = request.limit ?? source.list(request.state).length;
  return {
    guarantee: 'atomic',
    async next(selection): Promise<NativeProgress> {
      if (target === undefined) throw new MqError('QUEUE_NOT_FOUND', 'the target is gone');
      const here = source.list(request.state);
      const wanted = 'upTo' in selection ? null : selection.messages;
      const found =
        wanted === null
          ? here.slice(0, Math.min(remaining, 'upTo' in selection ? selection.upTo : 0))
          : here.filter(({ message }) => wanted.some((one) => one.id === message.id));
      for (const stored of found) {
        source.remove(stored);
        target.add(
          { ...stored.message, queue: target.name, state: 'ready', dead: null, receiveCount: 0 },
          stored.attempts,
        );
      }
      const gone = (wanted ?? []).filter((one) => !found.some(({ message }) => message.id === one.id));
      remaining -= found.length;
      const pretend = has('native move reports what was gone as moved');
      return {
        moved: found.length + (pretend ? gone.length : 0),
        skipped: pretend ? [] : gone.map(({ id }) => ({ id, reason: 'no longer there' })),
        failed: [],
        unknown: [],
        exhausted: remaining <= 0 || source.list(request.state).length === 0,
      };
    },
    async close() {},
  };
}
