import type { CallPlace, Connection } from '../connection/connection.ts';
import { asBytes, asInteger, asList, asText } from '../connection/reply.ts';

export interface Member {
  readonly value: Buffer;
  readonly score: number;
}

/**
 * Pages through a sorted set. Removing members that were read already makes it skip nothing. Members that are added or
 * moved behind the reader are not seen.
 *
 * The order of a set is known: by score, and among equal scores by the bytes of the members. So the last member read
 * tells of every other whether it was read, too. Pages are requested by rank, which costs the server the same anywhere
 * in the set. Each page begins with the last member read. If it does not, members before it have gone, and its position
 * is searched for.
 */
export async function* sortedSetPages(
  connection: Connection,
  key: string,
  pageSize: number,
  place: CallPlace,
): AsyncGenerator<readonly Member[]> {
  const range = async (from: number, count: number): Promise<readonly Member[]> =>
    membersOf(await connection.call(['ZRANGE', key, from, from + count - 1, 'WITHSCORES'], { ...place, bytes: true }));
  let last: Member | null = null;
  let rank = 0;
  let margin = 1;
  for (;;) {
    const from = Math.max(0, rank - margin);
    const count = pageSize + rank - from;
    const page: readonly Member[] = await range(from, count);
    const first = page[0];
    if (last !== null && from > 0 && (first === undefined || isAfter(first, last))) {
      rank = await rankAfter(connection, key, last, from, place, range);
      // Others may take members away all the time, so it goes further back each time, where more of the page is already
      // known.
      margin *= 4;
      continue;
    }
    const known: Member | null = last;
    const members: readonly Member[] = known === null ? page : page.filter((member) => isAfter(member, known));
    last = members.at(-1) ?? last;
    rank = from + page.length;
    margin = 1;
    if (members.length > 0) yield members;
    if (page.length < count) return;
  }
}

/** The lowest rank of a member that comes after this one, which may be gone itself. At most `most`. */
async function rankAfter(
  connection: Connection,
  key: string,
  last: Member,
  most: number,
  place: CallPlace,
  range: (from: number, count: number) => Promise<readonly Member[]>,
): Promise<number> {
  let least = asInteger(await connection.call(['ZCOUNT', key, '-inf', `(${last.score}`], place));
  let above = Math.max(least, most);
  // Usually everything that was read is gone, and the next member is the first one of its score.
  for (let probe = least; least < above; probe = Math.floor((least + above) / 2)) {
    const [member] = await range(probe, 1);
    if (member === undefined || isAfter(member, last)) above = probe;
    else least = probe + 1;
  }
  return least;
}

function isAfter(member: Member, other: Member): boolean {
  return member.score === other.score ? Buffer.compare(member.value, other.value) > 0 : member.score > other.score;
}

/** Protocol 2 sends members and scores in turns, protocol 3 in pairs. */
function membersOf(reply: unknown): readonly Member[] {
  const parts = asList(reply).flat();
  const members: Member[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    members.push({ value: asBytes(parts[i]), score: scoreOf(asText(parts[i + 1])) });
  }
  return members;
}

function scoreOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
