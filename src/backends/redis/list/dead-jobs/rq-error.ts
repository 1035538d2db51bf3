import { inflateSync } from 'node:zlib';
import type { Call, CallPlace, Connection } from '../../connection/connection.ts';
import { asBytes, asList, asListOrNone } from '../../connection/reply.ts';

/** A trace that unpacks to more than this is not one that people read. */
const LARGEST_TRACE = 4 * 1024 * 1024;

/**
 * Why jobs of RQ failed: the last line of the trace. Up to version 1.11 the trace is in the job itself (`exc_info`,
 * packed with zlib since 1.0). Later it is in the newest entry of a stream of results (`rq:results:ID`, field
 * `exc_string`, in base64 as well).
 */
export async function rqErrors(
  connection: Connection,
  jobs: readonly { readonly id: string; readonly trace: unknown }[],
  place: CallPlace,
): Promise<readonly (string | null)[]> {
  const fromJob = jobs.map(({ trace }) =>
    Buffer.isBuffer(trace) && trace.byteLength > 0 ? lastLine(unpacked(trace)) : null,
  );
  const others = jobs.filter((_, index) => fromJob[index] === null);
  const answers = await connection.each(
    others.map(({ id }): Call => ['XREVRANGE', `rq:results:${id}`, '+', '-', 'COUNT', 1]),
    { ...place, bytes: true },
  );
  const fromResults = new Map(
    others.map(({ id }, index) => {
      const answer = answers[index];
      return [id, answer?.ok === true ? errorOfResult(answer.reply) : null];
    }),
  );
  return jobs.map(({ id }, index) => fromJob[index] ?? fromResults.get(id) ?? null);
}

function errorOfResult(reply: unknown): string | null {
  const [entry] = asListOrNone(reply);
  if (entry === undefined) return null;
  const fields = asListOrNone(asList(entry)[1]).map(asBytes);
  const at = fields.findIndex((field, index) => index % 2 === 0 && field.toString('utf8') === 'exc_string');
  const value = at === -1 ? undefined : fields[at + 1];
  return value === undefined ? null : lastLine(unpacked(Buffer.from(value.toString('latin1'), 'base64')));
}

/** The text as it is, or unpacked with zlib; null: it is neither. */
function unpacked(bytes: Buffer): string | null {
  try {
    return textOf(inflateSync(bytes, { maxOutputLength: LARGEST_TRACE }));
  } catch {
    return textOf(bytes);
  }
}

function textOf(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}

function lastLine(trace: string | null): string | null {
  return trace?.trim().split('\n').at(-1)?.trim() || null;
}
