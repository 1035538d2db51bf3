import type { ErrorCode } from '../../contract/errors.ts';
import { isMqError, MqError } from '../../contract/errors.ts';

/** SQLite's primary result codes (https://sqlite.org/rescode.html) that an operator can act on. */
const CODES: Readonly<Record<number, readonly [ErrorCode, (file: string) => string, string | null]>> = {
  3: ['PERMISSION_DENIED', (file) => `no permission to use ${file}`, null],
  5: [
    'TIMEOUT',
    (file) => `${file} is locked by another process`,
    'try again; `fuser` or `lsof` shows who has it open',
  ],
  6: ['TIMEOUT', (file) => `${file} is locked`, 'try again'],
  8: ['PERMISSION_DENIED', (file) => `${file} is read-only`, 'the file and its folder must be writable'],
  10: ['UNEXPECTED_RESPONSE', (file) => `the disk failed while reading or writing ${file}`, null],
  11: ['UNEXPECTED_RESPONSE', (file) => `${file} is damaged`, 'sqlite3 FILE .recover may save what is in it'],
  13: ['LIMIT_EXCEEDED', (file) => `no space left for ${file}`, 'free some space; nothing of this step was stored'],
  14: ['PERMISSION_DENIED', (file) => `cannot open ${file}`, 'the file and its folder must exist and be writable'],
  18: ['LIMIT_EXCEEDED', (file) => `a value is too large for ${file}`, null],
  26: ['CONFIG_INVALID', (file) => `${file} is not an mq queue file`, 'choose another path'],
};

function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 5 || code === 6;
}

/** True if SQLite could not create the files that it keeps beside the database. */
export function isWithoutSideFiles(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 8 || code === 14;
}

/** True if a commit that failed with this error may still have been written. */
export function leavesDoubt(error: unknown): boolean {
  return primaryCode(error) === 10;
}

/**
 * The one place where an error of SQLite or of the file system becomes ours. Nothing in it is secret: the address is a
 * path.
 */
export function toMqError(error: unknown, file: string): MqError {
  if (isMqError(error)) return error;
  const known = CODES[primaryCode(error) ?? -1];
  if (known !== undefined) {
    const [code, say, hint] = known;
    return new MqError(code, say(file), { hint: hint ?? undefined, backend: 'sqlite', cause: error });
  }
  const system = error instanceof Error && 'code' in error ? error.code : null;
  if (system === 'ERR_OUT_OF_RANGE') {
    return new MqError('UNEXPECTED_RESPONSE', `${file} holds a number that is too large`, {
      backend: 'sqlite',
      cause: error,
    });
  }
  // Result code 1: the tables are not the ones that we made, or SQLite refused to build an index of them.
  if (primaryCode(error) === 1) {
    const says = error instanceof Error ? error.message : 'an error';
    return new MqError('UNEXPECTED_RESPONSE', `${file}: ${says}`, { backend: 'sqlite', cause: error });
  }
  if (system === 'EACCES' || system === 'EPERM' || system === 'EROFS') {
    return new MqError('PERMISSION_DENIED', `no permission to use ${file}`, { backend: 'sqlite', cause: error });
  }
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return new MqError('LIMIT_EXCEEDED', `no space left for ${file}`, { backend: 'sqlite', cause: error });
  }
  if (
    system === 'ENOENT' ||
    system === 'ENOTDIR' ||
    system === 'EEXIST' ||
    system === 'EISDIR' ||
    system === 'ENAMETOOLONG'
  ) {
    return new MqError('CONFIG_INVALID', `${file} cannot be a file (${system})`, { backend: 'sqlite', cause: error });
  }
  return new MqError('INTERNAL', `sqlite: ${error instanceof Error ? error.message : 'an unknown error'}`, {
    backend: 'sqlite',
    cause: error,
  });
}

export function noQueue(name: string, path: string): MqError {
  return new MqError('QUEUE_NOT_FOUND', `no queue ${name} in sqlite:${path}`, { backend: 'sqlite', queue: name });
}
