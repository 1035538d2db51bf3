import { constants, open as openDescriptor } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { MqError, throwIfAborted } from '../../contract/errors.ts';

/**
 * A read is a round trip to a thread, and messages that are read together are sent together. A larger chunk is not
 * faster (measured: `npm run bench -- redis enqueue`).
 */
const READ_BYTES = 256 * 1024;

/**
 * The bytes of a file or a named pipe, as they come. Throws `USAGE` if it cannot be read, and `ABORTED` while it waits
 * for a pipe.
 */
export async function* fileChunks(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stats = await stat(path).catch((error: unknown) => Promise.reject(cannotRead(path, error)));
  if (stats.isFIFO()) {
    yield* pipeChunks(path, signal);
    return;
  }
  const handle = await open(path, 'r').catch((error: unknown) => Promise.reject(cannotRead(path, error)));
  try {
    const chunks = handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES })[Symbol.asyncIterator]();
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => Promise.reject(cannotRead(path, error)));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a pipe. Opening it waits in a thread for a writer, and a program cannot end while a thread waits. So on
 * an interruption, `mq` itself opens the pipe as the writer for a moment. After that, bytes are read as from a socket,
 * which can be given up.
 */
async function* pipeChunks(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const unblock = (): void => {
    void open(path, constants.O_WRONLY | constants.O_NONBLOCK).then(
      (writer) => writer.close(),
      () => {},
    );
  };
  const opening = new Promise<number>((resolve, reject) => {
    openDescriptor(path, 'r', (error, descriptor) =>
      error === null ? resolve(descriptor) : reject(cannotRead(path, error)),
    );
  });
  signal.addEventListener('abort', unblock, { once: true });
  if (signal.aborted) unblock();
  const fd = await opening.finally(() => signal.removeEventListener('abort', unblock));
  const { Socket } = await import('node:net');
  const socket = new Socket({ fd, readable: true, writable: false });
  const stop = (): unknown => socket.destroy(new MqError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    throwIfAborted(signal);
    yield* socket;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function cannotRead(path: string, error: unknown): MqError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const why: Readonly<Record<string, string>> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' };
  return new MqError('USAGE', `${path} cannot be read: ${why[code] ?? code}`);
}
