import type { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { MqError } from '../contract/errors.ts';
import type { Input, Output } from './host.ts';
import { isatty, styleText } from './light-builtins.ts';

/** The `Output` on a real stream. `onLost` is called when it cannot be written any more; EPIPE: its reader has gone. */
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
      // A pseudo-terminal that nobody has sized says 0.
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
          if (error) reject(new MqError('ABORTED', 'the output cannot be written any more'));
          else resolve();
        });
      });
    },
  };
}

/** Whether a file descriptor is a terminal, without opening a stream on it. */
export const isTerminal: (descriptor: number) => boolean = isatty;

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
          // In raw mode Ctrl-C is a key and no signal.
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
