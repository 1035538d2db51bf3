import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isWithoutSideFiles } from '../errors.ts';
import { Connection } from './connection.ts';
import type { loadDriver } from './driver.ts';

type Driver = Awaited<ReturnType<typeof loadDriver>>;

const TRIES = 3;

/**
 * Reads a file whose log cannot be created beside it, as on a read-only disk or in somebody else's folder. Even to
 * read, SQLite needs the log and its index, unless it is told that the file is immutable. The file is immutable as long
 * as no process has it open for writing, and a process that has keeps a log beside it. So there must be no log, and the
 * file must be the same afterwards. `read`: called with a connection of its own, or with null for the usual way, which
 * works while another process keeps the log.
 */
export function readStill<T>(driver: Driver, path: string, read: (still: Connection | null) => T): T {
  for (let tried = 1; ; tried++) {
    let refusal: unknown;
    try {
      return read(null);
    } catch (error) {
      if (!isWithoutSideFiles(error)) throw error;
      refusal = error;
    }
    const before = stateOf(path);
    if (before === null) throw refusal;
    const database = openImmutable(driver, path, refusal);
    try {
      const found = read(new Connection(database));
      if (stateOf(path) === before) return found;
    } catch (error) {
      // A file that is read while another process writes may look damaged.
      if (stateOf(path) === before || tried === TRIES) throw error;
    } finally {
      database.close();
    }
    if (tried === TRIES) throw refusal;
  }
}

/** Opened by an address (a URL), because only that can say so. Node.js knows addresses from 22.15 on. */
function openImmutable(driver: Driver, path: string, refusal: unknown) {
  const address = pathToFileURL(path);
  address.searchParams.set('immutable', '1');
  try {
    return new driver.DatabaseSync(address, { readOnly: true });
  } catch (error) {
    throw error instanceof TypeError ? refusal : error;
  }
}

/** Null: there is a log. So a process may be writing, or the log's content is not in the file yet. */
function stateOf(path: string): string | null {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return null;
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs].join('/');
}
