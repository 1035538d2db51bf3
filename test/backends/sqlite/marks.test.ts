import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { collect, createQueue, newPath, notice, openBroker, required, send, signal } from '../../support/sqlite/lab.ts';

const markOf = (broker: Broker): Promise<string | null> => required(broker.mark?.bind(broker))(signal);
const ALL = { globs: [], matches: () => true };

/** Marks and figures, read again and again until `ms` have passed: when both changed. */
async function changes(broker: Broker, ms: number) {
  const [marks, figures]: [Set<string | null>, Set<string>] = [new Set(), new Set()];
  for (const until = Date.now() + ms; Date.now() < until; await sleep(5)) {
    marks.add(await markOf(broker));
    const all = await collect(broker.queues(ALL, { signal, notice }));
    const timeless = all.map(({ sampledAt: _, brokerTime: __, oldestAgeMs: ___, ...stats }) => stats);
    figures.add(JSON.stringify(timeless));
  }
  return { marks: marks.size, figures: figures.size };
}

test('a mark changes with what another connection does, and with nothing else', async () => {
  const path = newPath();
  const [watcher, worker] = [await openBroker(path), await openBroker(path)];
  const absent = await markOf(watcher);
  const queue = await createQueue(worker, 'q');
  const created = await markOf(watcher);
  expect(created).not.toBe(absent);
  await send(queue, {});
  expect(await markOf(watcher)).not.toBe(created);
  expect(await changes(watcher, 60)).toEqual({ marks: 1, figures: 1 });
});

test.each([
  ['a delay', 1, [{ delayMs: 150 }]],
  ['a time to live', 1, [{ ttlMs: 150 }]],
  ['a delay, and then the time to live', 2, [{ delayMs: 100, ttlMs: 220 }]],
  ['two delays, one in another queue', 2, [{ delayMs: 100 }, { delayMs: 220 }]],
] as const)('a mark changes with time: %s', async (_name, times, messages) => {
  const path = newPath();
  const [watcher, worker] = [await openBroker(path), await openBroker(path)];
  const queues = await Promise.all([createQueue(worker, 'q'), createQueue(worker, 'r')]);
  await Promise.all(messages.map((message, index) => send(required(queues[index]), message)));
  expect(await changes(watcher, 400)).toEqual({ marks: times + 1, figures: times + 1 });
});

test('a mark changes when the lease of a lost consumer ends, and when its message dies of age after that', async () => {
  const path = newPath();
  const [watcher, worker] = [await openBroker(path), await openBroker(path)];
  await send(await createQueue(worker, 'q'), { ttlMs: 60_000 });
  // As a process leaves it that was killed just now.
  const database = new DatabaseSync(path);
  const now = Date.now();
  database.exec(`INSERT INTO consumer (id, queue, takes, pid, host, since, lease_until)
      SELECT 7, id, 'ready', 1, 'here', ${now}, ${now + 150} FROM queue;
    UPDATE message SET state = 2, receives = 1, holder = 7, wake = NULL, expires_at = ${now + 300}`);
  database.close();
  expect(await changes(watcher, 450)).toEqual({ marks: 3, figures: 3 });
});
