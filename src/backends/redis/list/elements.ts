import { PAGE, PageSize } from '../browsing/page-size.ts';
import type { Call, CallPlace, Connection } from '../connection/connection.ts';
import { asBytes, asInteger, asList } from '../connection/reply.ts';

export interface ListEnd {
  readonly key: string;
  /** The end at which consumers take. */
  readonly next: 'left' | 'right';
}

/**
 * The elements that are in a list now, from the consumers' end on. Their positions are counted from the far end, where
 * only producers push, so removing elements that were shown already shifts nothing. Pushes in the meantime are noticed
 * by the element that was outermost there at the start.
 */
export async function* elementsOf(
  connection: Connection,
  list: ListEnd,
  limit: number | null,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { key, next } = list;
  const place = { operation: 'peek', queue: key, signal };
  const far = next === 'right' ? 0 : -1;
  // In one pipeline. The server need not run it as one: the first page notices a push in between.
  const [outermost, length] = await connection.all(
    [
      ['LINDEX', key, far],
      ['LLEN', key],
    ],
    { ...place, bytes: true },
  );
  let left = asInteger(length);
  let given = 0;
  const size = new PageSize();
  if (outermost === null) return;
  while (left > 0 && (limit === null || given < limit)) {
    const count = size.next(Math.min(left, limit === null ? PAGE : limit - given));
    const page = await pageBefore(connection, list, asBytes(outermost), left, count, place);
    if (page === null) return;
    for (const element of page) yield element;
    size.learn(
      page.length,
      page.reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
    given += page.length;
    left -= count;
  }
}

/**
 * A producer that pushes faster than we can look must not hold us here: then a page may be off by the elements that
 * came meanwhile.
 */
const MOST_LOOKS = 20;

/**
 * `left`: how many elements of the beginning are still to be shown. Returns the next `count` of them. Null: none of
 * them is there.
 */
async function pageBefore(
  connection: Connection,
  { key, next }: ListEnd,
  outermost: Buffer,
  left: number,
  count: number,
  place: { readonly operation: string; readonly queue: string; readonly signal: AbortSignal },
): Promise<readonly Buffer[] | null> {
  const far = next === 'right' ? 0 : -1;
  const range = (pushed: number): Call =>
    next === 'right'
      ? ['LRANGE', key, left + pushed - count, left + pushed - 1]
      : ['LRANGE', key, -(left + pushed), -(left + pushed - count) - 1];
  let pushed = 0;
  for (let looks = 1; ; looks += 1) {
    const [farthest, reply] = await connection.all([['LINDEX', key, far === 0 ? pushed : -1 - pushed], range(pushed)], {
      ...place,
      bytes: true,
    });
    if (farthest === null) return null;
    if (asBytes(farthest).equals(outermost) || looks >= MOST_LOOKS) {
      const page = asList(reply).map(asBytes);
      return next === 'right' ? page.reverse() : page;
    }
    const position = await connection.call(['LPOS', key, outermost, 'RANK', next === 'right' ? 1 : -1], place);
    // A consumer took it, and so everything before it.
    if (position === null) return null;
    const length = asInteger(await connection.call(['LLEN', key], place));
    pushed = next === 'right' ? asInteger(position) : length - 1 - asInteger(position);
  }
}

/** Elements from an offset on, counted from the consumers' end, in the order in which consumers would take them. */
export async function readFrom(
  connection: Connection,
  { key, next }: ListEnd,
  { offset, count }: { readonly offset: number; readonly count: number },
  place: CallPlace,
): Promise<readonly Buffer[]> {
  const [start, stop] = next === 'left' ? [offset, offset + count - 1] : [-offset - count, -offset - 1];
  const elements = asList(await connection.call(['LRANGE', key, start, stop], { ...place, bytes: true })).map(asBytes);
  return next === 'left' ? elements : elements.reverse();
}
