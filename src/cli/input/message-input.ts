import { open } from 'node:fs/promises';
import { MqError } from '../../contract/errors.ts';
import type { OutgoingMessage } from '../../contract/message.ts';
import type { Notice, Publisher, Queue } from '../../contract/queue.ts';
import type { Batch } from '../../core/enqueue.ts';
import { fromEnvelope, utf8Text } from '../../core/envelope.ts';
import type { Input } from '../host/host.ts';
import type { EnqueueFlags, MessageTemplate } from './enqueue-template.ts';
import { refuseMisfits } from './misfits.ts';
import { partsOf, splitBytes } from './split-bytes.ts';

export interface EnqueueInput {
  /** Bodies on the command line; empty: read `file` or stdin. */
  readonly bodies: readonly string[];
  /** Null: stdin. */
  readonly file: string | null;
  readonly split: 'whole' | 'lines' | 'null' | 'ndjson';
}

/** Throws `USAGE` for contradictions, and when a person at a terminal gave nothing to send. */
export function inputFrom(
  bodies: readonly string[],
  flags: EnqueueFlags,
  stdin: Pick<Input, 'isTerminal'>,
): EnqueueInput {
  const splits = (['lines', 'null', 'ndjson'] as const).filter((name) => flags[name] === true);
  const [split, other] = splits;
  if (other !== undefined) throw new MqError('USAGE', `--${split} and --${other} contradict each other`);
  const stdinAsked = bodies.length === 1 && bodies[0] === '-';
  if (!stdinAsked && bodies.includes('-')) {
    throw new MqError('USAGE', '- is stdin, and cannot stand beside another BODY', {
      hint: 'for a message that is a hyphen: printf %s - | mq enqueue QUEUE',
    });
  }
  const given = stdinAsked ? [] : bodies;
  if (flags.file !== undefined && bodies.length > 0)
    throw new MqError('USAGE', 'BODY and --file contradict each other');
  if (given.length > 0 && split !== undefined) {
    throw new MqError('USAGE', `--${split} splits a file or stdin; a BODY is one message`);
  }
  const file = flags.file === undefined || flags.file === '-' ? null : flags.file;
  if (given.length === 0 && flags.file === undefined && !stdinAsked && stdin.isTerminal) {
    throw new MqError('USAGE', 'nothing to send', {
      hint: 'give a BODY, --file FILE, or pipe something in; - reads the terminal',
    });
  }
  return { bodies: given, file, split: split ?? 'whole' };
}

export interface OutgoingRequest {
  readonly input: EnqueueInput;
  readonly template: MessageTemplate;
  readonly publisher: Publisher;
  readonly queue: Queue;
  readonly lossy: boolean;
  readonly stdin: Input;
  readonly notice: Notice;
}

/**
 * The messages to send, those of one read together, read only as fast as they are taken. Throws `USAGE` with the line number for a broken envelope, and
 * `NOT_SUPPORTED` for a message of which the queue cannot hold everything, each before that message is sent.
 */
export async function* outgoingBatches(request: OutgoingRequest): AsyncGenerator<Batch> {
  const { input, template, publisher, queue, lossy } = request;
  if (input.bodies.length > 0) {
    // All are known, so all are checked before the first is sent.
    const messages = input.bodies.map((body) => template.apply(null, Buffer.from(body)));
    if (!lossy) for (const message of messages) refuseMisfits(publisher, message, queue, null);
    yield messages;
    return;
  }
  const chunks = input.file === null ? request.stdin.chunks : fileChunks(input.file);
  if (input.split === 'whole') {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const body = Buffer.concat(parts);
    // Meant by few: what was to be read has failed, or a job without a terminal (cron) has no stdin.
    if (body.byteLength === 0) request.notice(`${input.file ?? 'stdin'} is empty, and so is the message`);
    const message = template.apply(null, body);
    if (!lossy) refuseMisfits(publisher, message, queue, null);
    yield [message];
    return;
  }
  const batches = splitBytes(chunks, input.split === 'null' ? 0x00 : 0x0a);
  if (input.split !== 'ndjson' && template.addsNothing && publisher.sendBodies !== undefined) {
    yield* batches;
    return;
  }
  let line = 0;
  for await (const bodies of batches) {
    const batch: OutgoingMessage[] = [];
    let broken: { readonly error: unknown } | null = null;
    for (const part of partsOf(bodies)) {
      line += 1;
      if (input.split === 'ndjson' && part.byteLength === 0) continue;
      try {
        const envelope = input.split === 'ndjson' ? parseEnvelope(part, line) : null;
        const message = template.apply(envelope, part);
        if (!lossy) refuseMisfits(publisher, message, queue, line);
        batch.push(message);
      } catch (error) {
        broken = { error };
        break;
      }
    }
    // Those before the broken line are sent.
    if (batch.length > 0) yield batch;
    if (broken !== null) throw broken.error;
  }
}

function parseEnvelope(bytes: Uint8Array, line: number): OutgoingMessage {
  const text = utf8Text(bytes);
  if (text === null) throw new MqError('USAGE', `line ${line}: not valid UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MqError('USAGE', `line ${line}: not valid JSON`, {
      hint: 'one JSON object a line, as `mq peek -o ndjson` prints them',
    });
  }
  try {
    return fromEnvelope(value);
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    throw new MqError(error.code, `line ${line}: ${error.message}`, { hint: error.hint ?? undefined });
  }
}

/** A read is a round trip to a thread, and what is read together is sent together. More is no faster (measured: `npm run bench -- redis enqueue`). */
const READ_BYTES = 256 * 1024;

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const cannot = (error: unknown): MqError => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const why: Readonly<Record<string, string>> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' };
    return new MqError('USAGE', `${path} cannot be read: ${why[code] ?? code}`);
  };
  const handle = await open(path, 'r').catch((error: unknown) => Promise.reject(cannot(error)));
  try {
    const chunks = handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES })[Symbol.asyncIterator]();
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => Promise.reject(cannot(error)));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await handle.close();
  }
}
