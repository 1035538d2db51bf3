import { MqError } from '../../contract/errors.ts';
import { bodies } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

export const creation: Section = ({ capabilities, members }) => {
  const { abilities } = capabilities;
  const cases: Case[] = [];
  if (abilities.create.supported) {
    const options = { kind: capabilities.kind, deadLetterQueue: null, maxReceives: null, settings: {} };
    cases.push(
      {
        title: 'creates an empty queue of the kind, and does not create it twice',
        async run(bench) {
          const broker = await bench.broker();
          const name = bench.freshName();
          bench.willMake(name);
          await broker.create?.(name, { ...options, signal: bench.signal });
          const queue = await broker.queue(name, bench.signal);
          expect(queue.kind).toBe(capabilities.kind);
          if (members.has('publisher')) await bench.fill(queue, bodies(2));
          const again = broker.create?.(name, { ...options, signal: bench.signal });
          await expect(again).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
          if (members.has('publisher')) expect(await bench.contents(queue)).toHaveLength(2);
        },
      },
      {
        title: 'aborted before it begins: creates nothing',
        async run(bench) {
          const broker = await bench.broker();
          const name = bench.freshName();
          bench.willMake(name);
          const creating = broker.create?.(name, { ...options, signal: AbortSignal.abort() });
          await expect(creating).rejects.toMatchObject({ code: 'ABORTED' });
          await expect(broker.queue(name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
        },
      },
    );
  }
  if (abilities.delete.supported) {
    cases.push(
      {
        title: 'deletes a queue with what is in it, and says how much that was, if it is known',
        async run(bench) {
          const queue = await bench.queue();
          const filled = members.has('publisher') ? 3 : 0;
          if (filled > 0) await bench.fill(queue, bodies(filled));
          await bench.expectCount(queue, 'ready', filled);
          const broker = await bench.broker();
          const lost = await broker.delete?.(queue.name, bench.signal);
          expect([filled, null]).toContain(lost);
          await expect(broker.queue(queue.name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
        },
      },
      {
        title: 'deleting a queue that is not there: not found',
        async run(bench) {
          const broker = await bench.broker();
          const deleting = broker.delete?.(bench.freshName(), bench.signal);
          await expect(deleting).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
        },
      },
      {
        title: 'a handle of a deleted queue says so, and does not make it anew',
        async run(bench) {
          const queue = await bench.queue();
          const broker = await bench.broker();
          await broker.delete?.(queue.name, bench.signal);
          await expect(queue.stats(bench.signal)).rejects.toBeInstanceOf(MqError);
          await expect(broker.queue(queue.name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
        },
      },
    );
  }
  return cases;
};
