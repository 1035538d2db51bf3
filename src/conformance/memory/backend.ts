import type { Backend } from '../../contract/backend.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Capabilities } from '../../contract/capabilities.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import { RICH } from './capabilities.ts';
import type { Fault } from './faults.ts';
import { type MemoryConnection, memoryQueue, memoryStats } from './queue.ts';
import { MemoryState } from './state.ts';

export interface MemoryBackend extends Backend {
  /** Connections that are open now, as a server would count them. */
  openConnections(): number;
  /** The "server" itself, for making queues behind the backend's back. */
  readonly queues: Map<string, MemoryState>;
}

/** One "server" in memory. `fault`: a mistake that it makes. */
export function memoryBackend(capabilities: Capabilities = RICH, fault: Fault | null = null): MemoryBackend {
  const queues = new Map<string, MemoryState>();
  const connections = new Set<Broker>();
  const has = (one: Fault) => one === fault;
  return {
    name: 'memory',
    kinds: [capabilities],
    queues,
    openConnections: () => connections.size,
    async open(_url, { signal }) {
      throwIfAborted(signal);
      const closing = new AbortController();
      const connection: MemoryConnection = {
        capabilities,
        has,
        closed: closing.signal,
        find: (name) => queues.get(name),
      };
      const check = (callSignal: AbortSignal) => {
        throwIfAborted(callSignal);
        if (closing.signal.aborted) throw new MqError('UNAVAILABLE', 'the connection is closed');
      };
      const required = (name: string): MemoryState => {
        const state = queues.get(name);
        if (state === undefined) throw new MqError('QUEUE_NOT_FOUND', `no queue ${name}`, { queue: name });
        return state;
      };
      const broker: Broker = {
        name: 'memory',
        address: 'memory',
        async *queues(pattern, options) {
          check(options.signal);
          for (const state of queues.values()) if (pattern.matches(state.name)) yield memoryStats(state, connection);
        },
        async queue(name, callSignal) {
          check(callSignal);
          if (has('opening creates the queue') && !queues.has(name)) {
            queues.set(name, new MemoryState(name));
            throw new MqError('QUEUE_NOT_FOUND', `no queue ${name}`);
          }
          return memoryQueue(required(name), connection);
        },
        async close() {
          connections.delete(broker);
          closing.abort(new MqError('UNAVAILABLE', 'the connection was closed'));
        },
        ...(capabilities.abilities.create.supported
          ? {
              create: async (name: string, options: { readonly signal: AbortSignal }) => {
                check(options.signal);
                if (queues.has(name)) throw new MqError('ALREADY_EXISTS', `there is a queue ${name} already`);
                queues.set(name, new MemoryState(name));
              },
            }
          : {}),
        ...(capabilities.abilities.delete.supported
          ? {
              delete: async (name: string, callSignal: AbortSignal) => {
                check(callSignal);
                if (has('delete of a missing queue succeeds') && !queues.has(name)) return 0;
                const lost = required(name);
                queues.delete(name);
                const states = ['ready', 'in-flight', 'delayed', 'dead'] as const;
                return states.reduce((sum, state) => sum + lost.list(state).length, 0);
              },
            }
          : {}),
      };
      connections.add(broker);
      return broker;
    },
  };
}
