import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import type { Notice } from '../../contract/call.ts';
import { isMqError, type MqError } from '../../contract/errors.ts';

import type { QueueStats } from '../../contract/stats.ts';
import { namesOnly, plainStart } from '../common/globs.ts';
import { inParallel } from '../common/in-parallel.ts';
import type { SqsApi } from './api/client.ts';
import { within } from './api/patience.ts';
import { type QueueAttributes, type RedrivePolicy, redrivePolicy } from './queues/facts.ts';
import { nameFromUrl } from './queues/names.ts';
import { listQueueUrls, PARALLEL_READS } from './queues/sources.ts';
import { type DeadCount, depthOfAttributes, readStats } from './stats.ts';
import type { Address } from './url.ts';

interface Listed {
  readonly name: string;
  readonly url: string;
}

/** The result of reading one queue: its attributes, or the failure. Undefined: it is gone meanwhile. */
type Read =
  | { readonly attributes: QueueAttributes }
  | { readonly attributes: null; readonly fault: MqError }
  | undefined;

/**
 * Stats of all queues that the pattern matches, by name. It takes one `ListQueues` per 1,000 queues, and one
 * `GetQueueAttributes` for each queue that matches or that holds the dead letters of one.
 */
export async function* listQueueStats(
  api: SqsApi,
  address: Address,
  pattern: QueuePattern,
  { notice, signal }: ListOptions,
): AsyncGenerator<QueueStats> {
  const literal = literalName(pattern);
  const { listed, others } = await find(api, address, literal, pattern, signal);
  if (others > 0 && listed.length === 0) {
    notice(`SQS lists only the queues of the caller’s own account, and none of them belongs to ${address.account}`);
  }
  const matching = listed.filter(({ name }) => pattern.matches(name));
  const known = new Map<string, Read>();
  const read = async ({ name, url }: Listed) => known.set(name, await readAttributes(api, name, url, signal));
  await inParallel(matching, PARALLEL_READS, read);
  throwIfNobodyAnswers(matching.map(({ name }) => known.get(name)));
  const policies = matching.flatMap(({ name }) => {
    const policy = redrivePolicy(known.get(name)?.attributes ?? {});
    return policy === null ? [] : [{ name, policy }];
  });
  const missing = new Set(policies.map(({ policy }) => policy.deadLetterQueue).filter((name) => !known.has(name)));
  await inParallel(missing, PARALLEL_READS, async (name) =>
    known.set(name, await readNamed(api, address, name, signal)),
  );
  tellUnread(matching, known, notice);
  const sharing = sharersByTarget(policies);
  const complete = pattern.globs.length === 0 || pattern.globs.includes('*');
  for (const { name } of matching) {
    const reading = known.get(name);
    if (reading === undefined) continue;
    const facts = reading.attributes ?? reading.fault.message;
    const policy = redrivePolicy(reading.attributes ?? {});
    const dead = policy === null ? null : deadCount(name, policy, known, sharing, complete);
    yield readStats(name, facts, dead, api.serverClock);
  }
}

function deadCount(
  name: string,
  policy: RedrivePolicy,
  known: ReadonlyMap<string, Read>,
  sharing: ReadonlyMap<string, readonly string[]>,
  complete: boolean,
): DeadCount {
  const target = known.get(policy.deadLetterQueue)?.attributes ?? null;
  const sharers = (sharing.get(policy.deadLetterArn) ?? []).filter((other) => other !== name);
  return {
    queue: policy.deadLetterQueue,
    depth: target === null ? null : depthOfAttributes(target),
    // If only a part of the queues is listed, only those that were seen are known to share.
    sharers: complete || sharers.length > 0 ? sharers : null,
  };
}

function sharersByTarget(
  policies: readonly { readonly name: string; readonly policy: RedrivePolicy }[],
): ReadonlyMap<string, readonly string[]> {
  const sharing = new Map<string, string[]>();
  for (const { name, policy } of policies) {
    const names = sharing.get(policy.deadLetterArn);
    if (names === undefined) sharing.set(policy.deadLetterArn, [name]);
    else names.push(name);
  }
  return sharing;
}

async function find(
  api: SqsApi,
  address: Address,
  literal: string | null,
  pattern: QueuePattern,
  signal: AbortSignal,
): Promise<{ readonly listed: readonly Listed[]; readonly others: number }> {
  if (literal !== null) {
    const url = await urlIfThere(api, address, literal, signal);
    return { listed: url === null ? [] : [{ name: literal, url }], others: 0 };
  }
  const listed: Listed[] = [];
  let others = 0;
  for await (const url of listQueueUrls(api, commonPrefix(pattern.globs), signal)) {
    if (address.account === null || url.includes(`/${address.account}/`)) listed.push({ name: nameFromUrl(url), url });
    else others += 1;
  }
  listed.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { listed, others };
}

/**
 * A queue that cannot be read costs only its own figures. If no queue can be read because no answer comes, the problem
 * is the server.
 */
function throwIfNobodyAnswers(readings: readonly Read[]): void {
  const faults = readings.flatMap((reading) => (reading?.attributes === null ? [reading.fault] : []));
  const [first] = faults;
  const silent = faults.filter(({ code }) => code === 'TIMEOUT');
  if (silent[1] !== undefined) throw silent[1];
  if (first === undefined || faults.length < 2 || faults.length < readings.length) return;
  if (faults.every(({ retryable }) => retryable)) throw first;
}

const MOST_NAMES = 3;

/** A row without figures does not give the reason where its notes are not shown. */
function tellUnread(matching: readonly Listed[], known: ReadonlyMap<string, Read>, notice: Notice): void {
  const unread = matching.flatMap(({ name }) => {
    const reading = known.get(name);
    return reading?.attributes === null ? [{ name, fault: reading.fault }] : [];
  });
  const [first] = unread;
  if (first === undefined) return;
  const names = unread.slice(0, MOST_NAMES).map(({ name }) => name);
  const more = unread.length > MOST_NAMES ? ` and ${unread.length - MOST_NAMES} more` : '';
  const queues = unread.length === 1 ? '1 queue' : `${unread.length} queues`;
  notice(`${queues} could not be read: ${names.join(', ')}${more} (${first.fault.message})`);
}

/** The name, if the pattern is one name without wildcards. */
function literalName(pattern: QueuePattern): string | null {
  const names = namesOnly(pattern.globs);
  return names?.length === 1 ? (names[0] ?? null) : null;
}

/** The filter that `ListQueues` can apply: the text before the first wildcard of the only glob. */
function commonPrefix(globs: readonly string[]): string {
  const [only, ...rest] = globs;
  return only === undefined || rest.length > 0 ? '' : plainStart(only);
}

async function readNamed(api: SqsApi, address: Address, name: string, signal: AbortSignal): Promise<Read> {
  try {
    const asked = { action: 'GetQueueUrl', queue: name, signal };
    const url = await within(api.timeoutMs / 2, asked, (limit) => urlIfThere(api, address, name, limit));
    return url === null ? undefined : await readAttributes(api, name, url, signal);
  } catch (error) {
    return unread(error, signal);
  }
}

async function urlIfThere(api: SqsApi, address: Address, name: string, signal: AbortSignal): Promise<string | null> {
  const owner = address.account === null ? {} : { QueueOwnerAWSAccountId: address.account };
  try {
    return (await api.getQueueUrl({ QueueName: name, ...owner }, { queue: name, signal })).QueueUrl ?? null;
  } catch (error) {
    if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND') return null;
    throw error;
  }
}

async function readAttributes(api: SqsApi, name: string, url: string, signal: AbortSignal): Promise<Read> {
  const asked = { action: 'GetQueueAttributes', queue: name, signal };
  try {
    const { Attributes: attributes = {} } = await within(api.timeoutMs / 2, asked, (limit) =>
      api.getQueueAttributes(url, { queue: name, signal: limit }),
    );
    return { attributes };
  } catch (error) {
    return unread(error, signal);
  }
}

/**
 * A problem with one queue costs only its own figures. Only a problem with everything (an interruption, the wrong key)
 * is thrown.
 */
function unread(error: unknown, signal: AbortSignal): Read {
  if (!isMqError(error) || signal.aborted || error.code === 'UNAUTHENTICATED') throw error;
  if (error.code === 'QUEUE_NOT_FOUND') return undefined;
  return { attributes: null, fault: error };
}
