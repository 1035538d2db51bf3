import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Check } from '../../contract/broker.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import type { QueueFile } from './file/queue-file.ts';

/** A missing file is not a fault: the first message creates it. */
export async function* fileChecks(file: QueueFile, signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
  throwIfAborted(signal);
  if (file.inMemory) {
    yield { name: 'file', status: 'ok', detail: 'in memory: gone when the command ends', hint: null };
    return;
  }
  yield* rightsChecks(file.path);
  const clock = { name: 'clock', status: 'ok', hint: null } as const;
  yield { ...clock, detail: "the machine's own: it cannot differ" };
}

/**
 * Whether the file and its folder can be read and written. The folder matters too, because SQLite keeps its log beside
 * the file.
 */
async function* rightsChecks(path: string): AsyncGenerator<Check, void, undefined> {
  const folder = dirname(path);
  const isThere = await may(path, constants.F_OK);
  if (!isThere) {
    const canMake = await may(folder, constants.W_OK);
    yield canMake || !(await may(folder, constants.F_OK))
      ? { name: 'file', status: 'ok', detail: 'not there yet; the first message creates it', hint: null }
      : { name: 'file', status: 'failed', detail: `not there, and ${folder} cannot be written`, hint: null };
    return;
  }
  const canRead = await may(path, constants.R_OK);
  yield canRead
    ? { name: 'may look', status: 'ok', detail: 'the file can be read', hint: null }
    : { name: 'may look', status: 'failed', detail: 'the file cannot be read', hint: `chmod u+r ${path}` };
  const canWrite = (await may(path, constants.W_OK)) && (await may(folder, constants.W_OK));
  yield canWrite
    ? { name: 'may change', status: 'ok', detail: 'the file and its folder can be written', hint: null }
    : {
        name: 'may change',
        status: 'warning',
        detail: 'the file or its folder cannot be written: looking only',
        hint: null,
      };
}

async function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
