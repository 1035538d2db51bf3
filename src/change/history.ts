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

/** What `mq` has changed from here: a line a change, in a file that is its owner's alone. */
export class History {
  readonly #places: Places;
  readonly #secrets: Secrets;

  constructor(places: Places, secrets: Secrets) {
    this.#places = places;
    this.#secrets = secrets;
  }

  /**
   * Adds an entry, without secrets. A history that cannot be written changes nothing of what was done: then the answer
   * is a sentence that says so; else null.
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
 * The entries, the oldest first. Lines that are no JSON objects, as after a full disk, are passed over. No file: no
 * entries. Throws `PRECONDITION_FAILED` when there is one that cannot be read.
 */
export async function* readHistory(places: Places): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const path = historyFile(places);
  let file: FileHandle;
  try {
    // Not waiting for somebody who writes into a pipe of that name.
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
