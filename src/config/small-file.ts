import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError } from '../contract/errors.ts';

/** Our files are far smaller. A larger file is not ours. */
const LARGEST_BYTES = 1024 * 1024;

/** A pipe that is being written to has a writer by then: `<(pass show mq)` of a shell. */
const PIPE_PATIENCE_MS = 5_000;
const PIPE_POLL_MS = 10;

/** The reason why a file is not read, as a sentence about it. */
export class UnfitFile extends Error {}

export interface SmallFile {
  readonly text: string;
  readonly stats: Stats;
}

/**
 * The text of one of our files. It is opened without waiting: opening a pipe without a writer would stop the program
 * and its signals. An empty device such as `/dev/null` is a file without text. Throws `UnfitFile` if it is not a
 * regular file or is too large; otherwise the system's error. `node:fs/promises` is not used, because it takes 3 ms to
 * load, more than reading the few small files at the start of every command.
 */
export function readSmallFile(path: string): SmallFile {
  const { descriptor, stats } = open(path);
  try {
    if (!stats.isFile() && !stats.isCharacterDevice()) throw new UnfitFile('it is not a regular file');
    return { text: decode(readAvailable(descriptor, [])), stats };
  } finally {
    closeSync(descriptor);
  }
}

/** Like `readSmallFile`, but also reads a pipe that has a writer. It can throw `ABORTED`, too. */
export async function readSmallFileOrPipe(path: string, signal: AbortSignal | null): Promise<SmallFile> {
  const { descriptor, stats } = open(path);
  try {
    if (!stats.isFIFO()) return { text: decode(readAvailable(descriptor, [])), stats };
    const chunks: Buffer[] = [];
    for (const deadline = Date.now() + PIPE_PATIENCE_MS; ; ) {
      if (signal?.aborted === true) throw abortedError(signal);
      try {
        readAvailable(descriptor, chunks);
        if (chunks.length > 0) return { text: decode(chunks), stats };
        // The end, without a byte: there is no writer, or not yet.
      } catch (error) {
        if (!isEmptyForNow(error)) throw error;
      }
      if (Date.now() > deadline) throw new UnfitFile('it is a pipe that nothing writes to');
      await sleep(PIPE_POLL_MS);
    }
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): { readonly descriptor: number; readonly stats: Stats } {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(descriptor);
  return { descriptor, stats };
}

/** Adds what can be read now. Throws the system's `EAGAIN` if more may come. */
function readAvailable(descriptor: number, chunks: Buffer[]): readonly Buffer[] {
  let bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024);
    const read = readSync(descriptor, chunk);
    if (read === 0) return chunks;
    chunks.push(chunk.subarray(0, read));
    bytes += read;
    if (bytes > LARGEST_BYTES) throw new UnfitFile('it is larger than 1 MiB');
  }
}

function decode(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

function isEmptyForNow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
