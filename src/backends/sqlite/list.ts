import { setImmediate } from 'node:timers/promises';
import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { isMqError, throwIfAborted } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import type { Connection } from './file/connection.ts';
import type { QueueFile } from './file/queue-file.ts';
import { FACTS, type QueueFacts, toFacts } from './rows/queue-facts.ts';
import { readStats, unreadableStats } from './stats.ts';

/** If one queue cannot be read, only its own figures are missing, with a note. */
export async function* listQueues(
  file: QueueFile,
  pattern: QueuePattern,
  { signal, notice }: ListOptions,
): AsyncGenerator<QueueStats, void, undefined> {
  throwIfAborted(signal);
  const all = await file.read((connection) => connection.all(`${FACTS} ORDER BY name`).map(toFacts), []);
  for (const facts of all) {
    if (!pattern.matches(facts.name)) continue;
    throwIfAborted(signal);
    try {
      const stats = await file.read(
        (connection) => (isThere(connection, facts) ? readStats(connection, facts) : null),
        null,
      );
      if (stats !== null) yield stats;
    } catch (error) {
      if (!isMqError(error) || error.code !== 'UNEXPECTED_RESPONSE') throw error;
      notice(`${facts.name} cannot be read: ${error.message}`);
      yield unreadableStats(facts.name, error.message);
    }
    await setImmediate();
  }
}

function isThere(connection: Connection, { id }: QueueFacts): boolean {
  return connection.find('SELECT 1 AS here FROM queue WHERE id = :id', { id }) !== null;
}
