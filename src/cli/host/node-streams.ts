import type { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { MqError } from '../../contract/errors.ts';
import type { Input, Output } from './host.ts';
import { styleText, wasClosed, writeOnce } from './light-builtins.ts';

/** The `Output` on a real stream. `onLost` is called when it can no longer be written. EPIPE: its reader has gone. */
export function nodeOutput(stream: WriteStream, onLost: (code: string) => void): Output {
  let closed = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    closed = true;
    onLost(error.code ?? 'unknown error');
  });
  return {
    isTerminal: stream.isTTY === true,
    // Node's own reading of NO_COLOR, FORCE_COLOR, TERM and the terminal.
    get hasColor() {
      return styleText('bold', 'x', { stream }) !== 'x';
    },
    get columns() {
      // A pseudo-terminal whose size was never set says 0.
      return stream.columns || 80;
    },
    write(chunk) {
      if (closed || stream.write(chunk)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          stream.off('drain', done);
          stream.off('error', done);
          resolve();
        };
        stream.once('drain', done);
        stream.once('error', done);
      });
    },
    writeThrough(chunk) {
      return new Promise((resolve, reject) => {
        stream.write(chunk, (error) => {
          if (error) reject(new MqError('ABORTED', 'the output can no longer be written'));
          else resolve();
        });
      });
    },
  };
}

/**
 * Every pipe holds this much, however small the system made it. So this much is written without waiting for its reader.
 */
const AT_ONCE_BYTES = 4096;

/**
 * The `Output` on anything but a terminal. Most commands print a few lines, and opening a stream for them takes 5 ms.
 * So the first bytes are written straight to the descriptor, and the stream is opened for those that follow. Then a
 * slow or stopped reader never keeps the program from its signals and heartbeats.
 */
export function plainOutput(
  descriptor: number,
  options: {
    readonly isColorForced: boolean;
    readonly open: () => WriteStream;
    readonly onLost: (code: string) => void;
  },
): Output {
  let opened: Output | null = null;
  let lost: string | null = null;
  let room = AT_ONCE_BYTES;
  const stream = (): Output => {
    opened ??= nodeOutput(options.open(), options.onLost);
    return opened;
  };
  /** The bytes that are left for the stream; null: none. */
  const writeStraight = (chunk: string | Uint8Array): Uint8Array | null => {
    let rest: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    try {
      while (opened === null && rest.length > 0 && rest.length <= room) {
        const written = writeOnce(descriptor, rest);
        room -= written;
        rest = rest.subarray(written);
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      if (code !== 'EAGAIN') {
        lost = code;
        options.onLost(code);
        return null;
      }
    }
    return rest.length === 0 ? null : rest;
  };
  return {
    isTerminal: false,
    get hasColor() {
      return options.isColorForced && stream().hasColor;
    },
    columns: 80,
    get wasClosed() {
      return wasClosed(descriptor);
    },
    async write(chunk) {
      if (lost !== null) return;
      const rest = writeStraight(chunk);
      if (rest !== null) await stream().write(rest);
    },
    async writeThrough(chunk) {
      const rest = lost === null ? writeStraight(chunk) : null;
      if (lost !== null) throw new MqError('ABORTED', 'the output can no longer be written');
      if (rest !== null) await stream().writeThrough(rest);
    },
  };
}

/** The `Input` on a real stream; questions are echoed to `prompt`. */
export function nodeInput(stream: Readable, prompt: WriteStream, signal: AbortSignal): Omit<Input, 'isTerminal'> {
  return {
    chunks: stream,
    async ask(question) {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: stream, output: prompt });
      try {
        return await new Promise<string | null>((resolve, reject) => {
          const interrupted = () => reject(new MqError('ABORTED', 'interrupted'));
          // In raw mode, Ctrl-C is a key and not a signal.
          lines.once('SIGINT', interrupted);
          lines.once('close', () => resolve(null));
          signal.addEventListener('abort', interrupted, { once: true });
          lines.question(question).then(resolve, reject);
        });
      } finally {
        lines.close();
      }
    },
  };
}
