import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MqError } from '../contract/errors.ts';

/**
 * Writes a file that only its owner may read (mode 0600; folders that it creates get 0700). Afterwards the file has the
 * whole new text or the whole old one, never a part. A symbolic link stays a link, and its target is replaced. Throws
 * `PRECONDITION_FAILED`.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path);
    const { randomUUID } = await import('node:crypto');
    const temporary = join(dirname(target), `.${randomUUID()}.tmp`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw new MqError('PRECONDITION_FAILED', `cannot write ${path}: ${errnoOf(error)}`);
  }
}

/**
 * Adds a line to a private file in one write, so that lines of several processes do not mix. Throws the system's error.
 */
export function appendPrivateLine(path: string, line: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Opened without waiting: a pipe without a reader would stop the program. A pipe with a reader is not our file
  // either.
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  const descriptor = openSync(path, O_APPEND | O_CREAT | O_WRONLY | (O_NONBLOCK ?? 0), 0o600);
  try {
    if (!fstatSync(descriptor).isFile())
      throw Object.assign(new Error('not a file'), { code: 'it is not a regular file' });
    writeSync(descriptor, `${line}\n`);
  } finally {
    closeSync(descriptor);
  }
}

/** The system's short word for the error (`EACCES`); never the text of a foreign error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'it failed';
}
