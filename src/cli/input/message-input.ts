import type { Call, Notice } from '../../contract/call.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { parseJson } from '../../contract/json.ts';
import type { OutgoingMessage } from '../../contract/message.ts';
import type { Publisher, Queue } from '../../contract/queue.ts';
import type { Batch } from '../../core/enqueue.ts';
import { fromEnvelope, utf8Text } from '../../core/envelope.ts';
import { roundedNumber } from '../../core/rounded-number.ts';
import type { Input } from '../host/host.ts';
import type { EnqueueFlags, MessageTemplate } from './enqueue-template.ts';
import { fileChunks } from './file-chunks.ts';
import { refuseMisfits } from './misfits.ts';
import { partsOf, splitBytes } from './split-bytes.ts';

export interface EnqueueInput {
  /** Bodies on the command line; empty: read `file` or stdin. */
  readonly bodies: readonly string[];
  /** Null: stdin. */
  readonly file: string | null;
  readonly split: 'whole' | 'lines' | 'null' | 'ndjson';
  /** An input without a byte is also a message. */
  readonly allowEmpty: boolean;
}

/** Throws `USAGE` for contradictions, and if a person at a terminal gave nothing to send. */
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
  return { bodies: given, file, split: split ?? 'whole', allowEmpty: flags.allowEmpty === true };
}

/** `signal` also ends the wait for a pipe that has no writer. */
export interface OutgoingRequest extends Call {
  readonly input: EnqueueInput;
  readonly template: MessageTemplate;
  readonly publisher: Publisher;
  readonly queue: Queue;
  readonly lossy: boolean;
  readonly stdin: Input;
}

/**
 * The messages to send. Those of one read come together, and are read only as fast as they are taken. Throws `USAGE`
 * with the line number for a broken envelope, and `NOT_SUPPORTED` for a message that the queue cannot hold completely,
 * each before that message is sent.
 */
export async function* outgoingBatches(request: OutgoingRequest): AsyncGenerator<Batch> {
  const { input, template, publisher, queue, lossy } = request;
  if (input.bodies.length > 0) {
    // All messages are known, so all are checked before the first is sent.
    const messages = input.bodies.map((body) => template.apply(null, Buffer.from(body)));
    if (!lossy) for (const message of messages) refuseMisfits(publisher, message, queue, null);
    yield messages;
    return;
  }
  const all = input.file === null ? request.stdin.chunks : fileChunks(input.file, request.signal);
  const chunks = input.split === 'ndjson' ? all : sayingMark(all, request.notice);
  if (input.split === 'whole') {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const body = Buffer.concat(parts);
    // An empty input is rarely intended: the command before it failed, or a job without a terminal (cron) has no stdin.
    if (body.byteLength === 0 && !input.allowEmpty) {
      throw new MqError('USAGE', `${input.file ?? 'stdin'} is empty: nothing was sent`, {
        hint: "for an empty message give the BODY '', or --allow-empty",
      });
    }
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
    // The messages before the broken line are sent.
    if (batch.length > 0) yield batch;
    if (broken !== null) throw broken.error;
  }
}

/**
 * Passes the bytes on unchanged. An editor may put a mark before a text: it becomes part of the first message, and its
 * consumer may not expect that.
 */
async function* sayingMark(chunks: AsyncIterable<Uint8Array>, notice: Notice): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of chunks) {
    const mark = isFirst ? byteOrderMark(chunk) : null;
    if (mark !== null) notice(`the input begins with ${mark}: it is part of the first message`);
    isFirst &&= chunk.byteLength === 0;
    yield chunk;
  }
}

/** The name of the mark that an editor puts before a text; null: none. */
function byteOrderMark(bytes: Uint8Array): string | null {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'a byte order mark (UTF-8, EF BB BF)';
  if (first === 0xff && second === 0xfe) return 'a byte order mark of UTF-16 (FF FE)';
  return first === 0xfe && second === 0xff ? 'a byte order mark of UTF-16 (FE FF)' : null;
}

function parseEnvelope(bytes: Uint8Array, line: number): OutgoingMessage {
  const mark = line === 1 ? byteOrderMark(bytes) : null;
  if (mark !== null) {
    throw new MqError('USAGE', `line 1: the input begins with ${mark}, and not with a JSON object`, {
      hint: 'save it as UTF-8 without one',
    });
  }
  const text = utf8Text(bytes);
  if (text === null) throw new MqError('USAGE', `line ${line}: not valid UTF-8`);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw new MqError('USAGE', `line ${line}: not valid JSON`, {
      hint: 'one JSON object per line, as `mq peek -o ndjson` prints them',
    });
  }
  const rounded = roundedNumber(text);
  if (rounded !== null) {
    throw new MqError('USAGE', `line ${line}: the number ${shortened(rounded)} cannot be kept exactly`, {
      hint: `whole numbers beyond 2^53 are written as text: "${shortened(rounded)}"`,
    });
  }
  try {
    return fromEnvelope(value);
  } catch (error) {
    if (!isMqError(error)) throw error;
    throw new MqError(error.code, `line ${line}: ${error.message}`, { hint: error.hint ?? undefined });
  }
}

function shortened(digits: string): string {
  return digits.length <= MAX_DIGITS_SHOWN ? digits : `${digits.slice(0, MAX_DIGITS_SHOWN)}…`;
}

const MAX_DIGITS_SHOWN = 40;
