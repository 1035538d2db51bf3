import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Places } from '../config/places.ts';
import { appendPrivateLine, errnoOf } from '../config/private-file.ts';
import type { Secrets } from '../config/redact.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { HistoryEntry } from './record.ts';

export function historyFile(places: Places): string {
  return join(places.stateFolder, 'history.ndjson');
}

/** The changes that `mq` has made from this machine: one line per change, in a file that only its owner can read. */
export class History {
  readonly #places: Places;
  readonly #secrets: Secrets;

  constructor(places: Places, secrets: Secrets) {
    this.#places = places;
    this.#secrets = secrets;
  }

  /**
   * Adds an entry, without secrets. A history that cannot be written does not undo the change: the answer is then a
   * sentence that says so. Otherwise it is null.
   */
  add(entry: HistoryEntry): string | null {
    const path = historyFile(this.#places);
    try {
      appendPrivateLine(path, JSON.stringify(this.#secrets.redactValue(entry)));
      return null;
    } catch (error) {
      return `the history could not be written: ${path}: ${errnoOf(error)}`;
    }
  }
}

/**
 * The entries, the oldest first. Lines that are not JSON objects, as after a full disk, are skipped. No file: no
 * entries. Throws `PRECONDITION_FAILED` if the file exists and cannot be read.
 */
export async function* readHistory(places: Places): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const path = historyFile(places);
  let file: FileHandle;
  try {
    // Does not wait for a writer if the file is a pipe.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!(await file.stat()).isFile()) {
      await file.close();
      throw new MqError('PRECONDITION_FAILED', `cannot read ${path}: it is not a regular file`);
    }
  } catch (error) {
    if (isMqError(error)) throw error;
    if (errnoOf(error) === 'ENOENT') return;
    throw new MqError('PRECONDITION_FAILED', `cannot read ${path}: ${errnoOf(error)}`);
  }
  await using _closing = file;
  for await (const line of file.readLines()) {
    const entry = objectIn(line);
    if (entry !== null) yield entry;
  }
}

function objectIn(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
