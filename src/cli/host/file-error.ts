import { MqError } from '../../contract/errors.ts';

/** The system's error about a file that the operator has named, in words. */
export function fileError(path: string, what: string, error: unknown): MqError {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
  return new MqError('PRECONDITION_FAILED', `${path} ${what}: ${REASONS[code] ?? code}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file would be too large',
  ENXIO: 'nothing reads from it',
  EPIPE: 'its reader has gone',
};
