import type { CallPlace, Connection } from './connection.ts';
import { asBytes, asList, asText } from './reply.ts';

export interface Member {
  readonly value: Buffer;
  readonly score: number;
}

/**
 * Pages through a sorted set by score, so that removing what was read already makes it skip nothing: pages by rank would. What is
 * added or moved behind the reader is not seen.
 */
export async function* sortedSetPages(
  connection: Connection,
  key: string,
  pageSize: number,
  place: CallPlace,
): AsyncGenerator<readonly Member[]> {
  let from = '-inf';
  /** The members read that have the score `from`: a page begins with those of them that are still there. */
  let atFrom = new Set<string>();
  for (;;) {
    const count = pageSize + atFrom.size;
    const reply = asList(
      await connection.call(['ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, count], {
        ...place,
        bytes: true,
      }),
    );
    const members: Member[] = [];
    let last = '';
    const atLast = new Set<string>();
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const value = asBytes(reply[i]);
      const name = value.toString('latin1');
      const score = asText(reply[i + 1]);
      if (score !== last) atLast.clear();
      last = score;
      atLast.add(name);
      if (score !== from || !atFrom.has(name)) members.push({ value, score: Number(score) });
    }
    if (members.length > 0) yield members;
    if (reply.length / 2 < count) return;
    if (last === from) for (const name of atFrom) atLast.add(name);
    from = last;
    atFrom = atLast;
  }
}
