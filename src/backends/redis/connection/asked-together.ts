import { type Answer, replies } from './answer.ts';
import type { Argument, Call, CallPlace, Connection } from './connection.ts';

/** What looking at a queue needs of a connection. */
export type Asking = Pick<Connection, 'settings' | 'each' | 'all' | 'scan'>;

/**
 * A connection on which these questions are already asked, in one write, or before, with its opening. Whoever asks one
 * of them gets that answer. Everything else is asked.
 *
 * Not on a cluster: its nodes answer one by one, and a silent one would be waited for even where its answer is not
 * needed.
 */
export async function askedTogether(connection: Connection, calls: readonly Call[], place: CallPlace): Promise<Asking> {
  if (connection.isCluster) return connection;
  const early = connection.early?.answer ?? null;
  const isSame = early !== null && JSON.stringify(early.calls) === JSON.stringify(calls);
  const answers = isSame ? early.answers : await connection.each(calls, place);
  const known = new Map<string, Answer>();
  for (const [index, call] of calls.entries()) {
    const answer = answers[index];
    if (answer !== undefined) known.set(keyOf(call), answer);
  }
  const each = async (asked: readonly Call[], askedFor: CallPlace): Promise<readonly Answer[]> => {
    const told = asked.flatMap((call) => known.get(keyOf(call)) ?? []);
    return told.length === asked.length ? told : connection.each(asked, askedFor);
  };
  return {
    settings: connection.settings,
    each,
    all: async (asked, askedFor) => replies(await each(asked, askedFor), askedFor),
    scan: (...filter) => connection.scan(...filter),
  };
}

function keyOf(call: readonly Argument[]): string {
  return JSON.stringify(call);
}
