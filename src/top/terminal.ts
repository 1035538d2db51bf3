import type { ReadStream, WriteStream } from 'node:tty';

/** Both ends are terminals. */
export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}
