import { throwIfAborted } from '../../contract/errors.ts';
import { noQueue } from './errors.ts';
import type { QueueFile } from './file/queue-file.ts';
import { findQueue } from './rows/queue-facts.ts';
import { removeQueue, sweep } from './rows/removal.ts';

/**
 * The number of messages lost. Messages that consumers hold at that moment are lost too: their acks are rejected. The
 * queue is gone at once, whatever happens afterwards. An abort only leaves part of the freeing of space to the next
 * `delete` or `purge` in the file.
 */
export async function deleteQueue(file: QueueFile, name: string, signal: AbortSignal): Promise<number> {
  throwIfAborted(signal);
  // Reads first, so that deleting from a file that does not exist does not create it.
  if ((await file.read((connection) => findQueue(connection, name), null)) === null) throw noQueue(name, file.path);
  const lost = await file.write((connection) => {
    const found = findQueue(connection, name);
    if (found === null) throw noQueue(name, file.path);
    return removeQueue(connection, found.id);
  });
  await sweep(file, signal);
  return lost;
}
