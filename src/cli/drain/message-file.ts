import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import { toEnvelope } from '../../core/envelope.ts';
import { safeJson } from '../../core/safe-text.ts';
import type { Destination, PutOutcome } from '../../core/transfer.ts';
import { fileError } from '../host/file-error.ts';
import { BatchWriter } from './batch-writer.ts';

const NEWLINE = 0x0a;
/** How our own lines begin: see `toEnvelope`. */
const ENVELOPE_START = '{"queue":';
const TAIL_BYTES = 64 * 1024;

/**
 * A file of NDJSON envelopes that is appended to. `put` answers `sent` only when the line is written and synced to the
 * disk, so the message may then be removed from its queue. After a failed write (a full disk) the partial line is cut
 * off again: the file contains only whole lines.
 *
 * If the path leads to a pipe or a device (`/dev/stdout`, `/dev/null`), there is nothing to sync. Then `sent` means
 * that the operating system has taken the bytes, as on standard output.
 */
export class MessageFile implements Destination {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #isFile: boolean;
  readonly #writer: BatchWriter;
  #length: number;
  #failures = 0;

  private constructor(path: string, handle: FileHandle, { length, isFile }: Opened) {
    this.#path = path;
    this.#handle = handle;
    this.#isFile = isFile;
    this.#length = length;
    this.#writer = new BatchWriter((batch) => this.#append(batch));
  }

  /** Throws `PRECONDITION_FAILED` if the file cannot be opened or does not end with a whole line. */
  static async open(path: string, notice: (text: string) => void): Promise<MessageFile> {
    let handle: FileHandle;
    try {
      handle = (await isPipe(path)) ? await openPipe(path) : await open(path, 'a+', 0o600);
    } catch (error) {
      throw fileError(path, 'cannot be opened', error);
    }
    try {
      const stats = await handle.stat();
      const isFile = stats.isFile();
      const length = isFile ? await wholeLines(handle, path, stats, notice) : 0;
      if (isFile) await syncFolder(path);
      return new MessageFile(path, handle, { length, isFile });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async put(message: Message): ReturnType<Destination['put']> {
    try {
      await this.#writer.put(this.#line(message));
      return { status: 'sent', id: message.id };
    } catch (error) {
      return { status: 'failed', reason: fileError(this.#path, 'cannot be written', error).message };
    }
  }

  /** All of them by one write and one sync: all are written, or none. */
  async putAll(messages: readonly Message[]): Promise<readonly PutOutcome[]> {
    try {
      const lines = messages.map((message) => this.#line(message));
      await this.#writer.put(lines.join(''));
      return messages.map(({ id }): PutOutcome => ({ status: 'sent', id }));
    } catch (error) {
      const { message: reason } = fileError(this.#path, 'cannot be written', error);
      return messages.map((): PutOutcome => ({ status: 'failed', reason, batch: this.#failures }));
    }
  }

  #line(message: Message): string {
    const line = JSON.stringify(toEnvelope(message));
    // A device may be a terminal.
    return `${this.#isFile ? line : safeJson(line)}\n`;
  }

  /** False: a pipe or a device, which keeps nothing. */
  get isFile(): boolean {
    return this.#isFile;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #append(batch: Uint8Array): Promise<void> {
    try {
      await this.#handle.appendFile(batch);
      if (this.#isFile) await this.#handle.datasync();
      this.#length += batch.byteLength;
    } catch (error) {
      this.#failures += 1;
      if (this.#isFile) await this.#handle.truncate(this.#length).catch(() => {});
      throw error;
    }
  }
}

interface Opened {
  readonly length: number;
  readonly isFile: boolean;
}

async function isPipe(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFIFO();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Opened only for writing: a program that opens a pipe for both is its own reader, and the written bytes are lost when
 * it closes. Without a reader it is refused at once (ENXIO), because an open that waits for one cannot be interrupted.
 */
async function openPipe(path: string): Promise<FileHandle> {
  const asking = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    return await open(path, 'a');
  } finally {
    await asking.close();
  }
}

/**
 * The length of the file up to its last whole line. An unfinished envelope on the last line was left by a killed `mq`:
 * its message was never acknowledged and is still in its queue, so the rest of the line is cut off. Any other
 * unfinished line is not ours to cut.
 */
async function wholeLines(
  handle: FileHandle,
  path: string,
  { size }: Stats,
  notice: (text: string) => void,
): Promise<number> {
  if (size === 0) return size;
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  await handle.read(tail, 0, tail.byteLength, size - tail.byteLength);
  if (tail.at(-1) === NEWLINE) return size;
  const start = tail.lastIndexOf(NEWLINE) + 1;
  const last = tail.subarray(start);
  if (start === 0 && size > TAIL_BYTES) throw unfinished(path);
  if (!last.toString('utf8').startsWith(ENVELOPE_START) && !ENVELOPE_START.startsWith(last.toString('utf8'))) {
    throw unfinished(path);
  }
  const length = size - last.byteLength;
  await handle.truncate(length);
  notice(`cut an unfinished line off the end of ${path}: its message was never taken out of its queue`);
  return length;
}

function unfinished(path: string): MqError {
  return new MqError('PRECONDITION_FAILED', `the last line of ${path} is not finished`, {
    hint: 'end it with a newline, or choose another file',
  });
}

/** A new file survives a power cut only if its folder is synced too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.datasync();
  } catch {
    // Some file systems cannot sync a folder. The file itself is synced in any case.
  } finally {
    await folder.close();
  }
}
