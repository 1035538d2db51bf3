import type { QueueStats } from '../../../../contract/stats.ts';
import { parseObject } from '../../../common/conventions/json-text.ts';
import { sortedSetPages } from '../../browsing/sorted-set.ts';
import type { Call, Connection } from '../../connection/connection.ts';
import { asInteger } from '../../connection/reply.ts';
import type { Framework } from '../../framework.ts';
import { AWAIT_TIME, AWAIT_TRY, jobsBeside, jobsThat, WITH_WORKERS } from '../beside.ts';
import { shortName } from './convention.ts';
import { DELAYED } from './dramatiq-keys.ts';
import { celeryNotes } from './kombu.ts';
import { laravelNotes } from './laravel.ts';

/** At most this many members of a set that is shared by all queues are read, to find out whose they are. */
const MOST_TO_READ = 2_000;

/**
 * The jobs that a framework keeps of a queue beside its list, in states that a list does not have. They are mentioned,
 * because nothing else shows them.
 */
export async function frameworkNotes(
  connection: Connection,
  key: string,
  framework: Framework | null,
  signal: AbortSignal,
): Promise<QueueStats['notes']> {
  switch (framework) {
    case null:
      return {};
    case 'celery':
      return celeryNotes(connection, key, signal);
    case 'dramatiq':
      return dramatiqNotes(connection, key, signal);
    case 'laravel':
      return laravelNotes(connection, key, signal);
    case 'rq':
      return rqNotes(connection, key, signal);
    case 'sidekiq':
      return sidekiqNotes(connection, key, signal);
  }
}

async function rqNotes(connection: Connection, key: string, signal: AbortSignal): Promise<QueueStats['notes']> {
  const name = shortName(key, 'rq');
  const registries = ['wip', 'scheduled', 'deferred'];
  const answers = await connection.each(
    registries.map((registry): Call => ['ZCARD', `rq:${registry}:${name}`]),
    { operation: 'read the stats', queue: key, signal },
  );
  const inFlight = jobsBeside(answers[0], WITH_WORKERS, `rq:wip:${name}`);
  const waiting = [
    jobsBeside(answers[1], AWAIT_TIME, `rq:scheduled:${name}`),
    jobsBeside(answers[2], { one: 'waits for other jobs', many: 'wait for other jobs' }, `rq:deferred:${name}`),
  ].filter((phrase) => phrase !== null);
  return {
    ...(inFlight !== null && { inFlight }),
    ...(waiting.length > 0 && { delayed: waiting.join(', ') }),
  };
}

async function sidekiqNotes(connection: Connection, key: string, signal: AbortSignal): Promise<QueueStats['notes']> {
  const name = shortName(key, 'sidekiq');
  const place = { operation: 'read the stats', queue: key, signal };
  const sets = [
    ['retry', AWAIT_TRY],
    ['schedule', AWAIT_TIME],
  ] as const;
  const answers = await connection.each(
    sets.map(([set]): Call => ['ZCARD', set]),
    place,
  );
  const phrases: string[] = [];
  for (const [index, [set, what]] of sets.entries()) {
    const answer = answers[index];
    if (answer?.ok !== true) {
      phrases.push(jobsBeside(answer, what, `the set ${set}`) ?? '');
      continue;
    }
    const all = asInteger(answer.reply);
    if (all === 0) continue;
    if (all > MOST_TO_READ) {
      phrases.push(`${all} jobs of all queues ${what.many} (the set ${set})`);
      continue;
    }
    let own = 0;
    let unreadable = 0;
    for await (const page of sortedSetPages(connection, set, MOST_TO_READ, place)) {
      for (const { value } of page) {
        const payload = parseObject(value.toString('utf8'));
        if (typeof payload?.queue !== 'string') unreadable += 1;
        else if (payload.queue === name) own += 1;
      }
    }
    if (own > 0) phrases.push(`${jobsThat(own, what)} (the set ${set})`);
    if (unreadable > 0) phrases.push(`${unreadable} of the set ${set} could not be read (no JSON that names a queue)`);
  }
  return phrases.length === 0 ? {} : { delayed: phrases.join(', ') };
}

/** Its list contains only ids, and delayed messages are in a list of their own. */
async function dramatiqNotes(connection: Connection, key: string, signal: AbortSignal): Promise<QueueStats['notes']> {
  if (key.endsWith(DELAYED)) return {};
  const delayed = `${key}${DELAYED}`;
  const [answer] = await connection.each([['LLEN', delayed]], { operation: 'read the stats', queue: key, signal });
  const count = answer?.ok === true ? asInteger(answer.reply) : 0;
  return count === 0 ? {} : { delayed: `${count} wait for their time or their next try (${delayed})` };
}
