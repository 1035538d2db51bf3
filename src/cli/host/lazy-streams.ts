import type { ReadStream } from 'node:tty';
import type { Input, Output } from './host.ts';

export interface LazyInput extends Input {
  raw(): ReadStream;
  /** An input that was not read to its end must not keep the process alive. */
  release(): void;
}

/** Opening a standard stream costs 2 ms, and most commands have nothing to say on stderr. */
export function lazyOutput(open: () => Output): Output {
  let opened: Output | null = null;
  const output = (): Output => {
    opened ??= open();
    return opened;
  };
  return {
    get isTerminal() {
      return output().isTerminal;
    },
    get hasColor() {
      return output().hasColor;
    },
    get columns() {
      return output().columns;
    },
    write: (chunk) => output().write(chunk),
    writeThrough: (chunk) => output().writeThrough(chunk),
  };
}

/** Touching the stream of stdin starts a handle, so only commands that read it should do it. */
export function lazyInput(
  isTerminal: () => boolean,
  stream: () => ReadStream,
  open: (stream: ReadStream) => Omit<Input, 'isTerminal'>,
  onTerminalLost: () => void,
): LazyInput {
  let opened: Omit<Input, 'isTerminal'> | null = null;
  let isRaw = false;
  const input = (): Omit<Input, 'isTerminal'> => {
    opened ??= open(stream());
    return opened;
  };
  return {
    get isTerminal() {
      return isTerminal();
    },
    get chunks() {
      return input().chunks;
    },
    ask: (question) => input().ask(question),
    raw() {
      // Reading from a terminal that was closed fails, before or after the signal that says so.
      if (!isRaw) stream().on('error', onTerminalLost);
      isRaw = true;
      return stream();
    },
    release() {
      if (opened !== null || isRaw) stream().destroy();
    },
  };
}
