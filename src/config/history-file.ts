import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Places } from './places.ts';
import { appendPrivateLine, errnoOf } from './private-file.ts';

export function historyFile(places: Places): string {
  return join(places.stateFolder, 'history.ndjson');
}

/** Adds an entry. Throws the system's error when it cannot be written. */
export function appendHistory(places: Places, entry: object): void {
  appendPrivateLine(historyFile(places), JSON.stringify(entry));
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
