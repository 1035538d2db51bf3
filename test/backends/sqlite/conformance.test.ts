import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { backend } from '../../../src/backends/sqlite/index.ts';
import { conformance } from '../../../src/conformance/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { MqError } from '../../../src/contract/errors.ts';
import { ack, consume, notice, send, signal } from '../../support/sqlite/lab.ts';
import { VITEST } from '../../support/vitest-runner.ts';

const folder = mkdtempSync(join(tmpdir(), 'mq-sqlite-'));
const path = join(folder, 'queues.db');
const url = `sqlite:${path}`;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A connection of an application's own, open only as long as it works. */
async function elsewhere<T>(work: (broker: Broker) => Promise<T>): Promise<T> {
  const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });
  try {
    return await work(broker);
  } finally {
    await broker.close();
  }
}

conformance(
  {
    name: 'SQLite queues',
    kind: 'sqlite',
    backend,
    url,
    makeQueue: (name) =>
      elsewhere(async (broker) => {
        try {
          await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives: 1, settings: {}, signal });
        } catch (error) {
          if (error instanceof MqError && error.code === 'USAGE') return null;
          throw error;
        }
        return {
          remove: () =>
            elsewhere(async (again) => {
              await again.delete?.(name, signal).catch((error: unknown) => {
                if (!(error instanceof MqError && error.code === 'QUEUE_NOT_FOUND')) throw error;
              });
            }),
        };
      }),
    deadLetter: (name, bodies) =>
      elsewhere(async (broker) => {
        const queue = await broker.queue(name, signal);
        await send(queue, ...bodies.map((body) => ({ body: Buffer.from(body) })));
        await consume(queue, ({ receipt }) => receipt.release({ failure: 'it failed' }), { limit: bodies.length });
      }),
    applicationTakes: (name, limit) =>
      elsewhere(async (broker) => consume(await broker.queue(name, signal), ack, { limit })),
    // SQLite removes the log of a database when its last connection closes.
    openConnections: async () => (existsSync(`${path}-wal`) ? 1 : 0),
    patienceMs: 1000,
  },
  VITEST,
);
