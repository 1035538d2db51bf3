import type { Capabilities } from '../../contract/capabilities.ts';
import type { Harness } from '../harness.ts';
import { message } from '../messages.ts';
import { memoryBackend } from './backend.ts';
import { RICH } from './capabilities.ts';
import type { Fault } from './faults.ts';
import { MemoryState } from './state.ts';

export function memoryHarness(name: string, capabilities: Capabilities = RICH, fault: Fault | null = null): Harness {
  const backend = memoryBackend(capabilities, fault);
  const { queues } = backend;
  return {
    name,
    kind: 'memory',
    backend,
    url: 'memory://here',
    async makeQueue(queue) {
      queues.set(queue, new MemoryState(queue));
      return { remove: async () => void queues.delete(queue) };
    },
    async deadLetter(queue, bodies) {
      const state = queues.get(queue);
      const dead = { from: queue, reason: 'failed', error: 'no', at: Date.now(), count: 1, replays: 0 };
      for (const body of bodies) {
        state?.add(
          message({
            id: crypto.randomUUID(),
            body: Buffer.from(body),
            queue,
            enqueuedAt: Date.now(),
            receiveCount: 3,
          }),
          null,
        );
        const last = state?.list('ready').at(-1);
        if (last !== undefined) state?.put(last, 'dead', dead);
      }
    },
    async applicationTakes(queue, limit) {
      const state = queues.get(queue);
      if (state === undefined || (state.paused && fault !== 'delivers while paused')) return [];
      const taken = state.list('ready').slice(0, limit);
      for (const stored of taken) state.remove(stored);
      return taken.map(({ message }) => Buffer.from(message.body).toString());
    },
    openConnections: async () => backend.openConnections(),
  };
}
