import type { ListOptions, QueuePattern } from '../../../contract/broker.ts';
import { inParallel } from '../../common/in-parallel.ts';
import { isDots, isObject, type JsonObject, listOf, numberAt } from '../management/client.ts';
import { needsManagement } from '../management/needed.ts';
import { withPolicies } from '../management/policies.ts';
import { FIGURES_QUERY, LINKS_QUERY, type QueueInfo, queueInfo, TOTALS_QUERY } from '../management/queue-info.ts';
import type { Session } from '../session/session.ts';
import { type NameFilter, nameFilter } from './name-filter.ts';

/** The largest page that the management API gives. */
const PAGE_SIZE = 500;
/**
 * The broker goes through all its queues for each page, so more pages would take longer than requesting less of each
 * queue.
 */
const MOST_PAGES = 2;
/**
 * Going through this many queues for a page takes the broker as long as the request for one queue (3.10.8: 35 µs and 5
 * ms).
 */
const QUEUES_A_QUESTION = 150;
/** At most this many are requested one by one if no page could hold only them. */
const MOST_QUESTIONS = 200;
const QUESTIONS_AT_ONCE = 8;

const TOO_MANY = `mq does not make the broker go through more than ${PAGE_SIZE * MOST_PAGES} queues for`;
const FEWER = 'a pattern that matches fewer queues shows them';
const MANY = `${TOO_MANY} consumers and rates: ${FEWER}`;
/** The totals did not come either. */
const NOTHING = `the broker did not give the totals of all queues, and ${TOO_MANY} the rest: ${FEWER}`;

export interface Listed {
  /** All queues of the vhost, with their links. */
  readonly all: readonly QueueInfo[];
  /** The queues that match, in order of name. */
  readonly matching: readonly QueueInfo[];
}

/** `matching` has figures. */
export interface List extends Listed {
  /** Why figures are missing; null: they were requested. */
  readonly reason: string | null;
}

/**
 * All queues without figures, once and in the broker's own order. For 10,000 queues, 3.10.8 takes 0.3 s; the figures of
 * all take 4 s, and sorted pages of them a minute.
 */
export async function readLinked(session: Session, pattern: QueuePattern, options: ListOptions): Promise<Listed> {
  const all = await readAll(session, options);
  return { all, matching: inOrder(all, pattern) };
}

/** The figures of the matching queues alone. */
export async function readFigures(
  session: Session,
  { all, matching }: Listed,
  pattern: QueuePattern,
  options: ListOptions,
): Promise<List> {
  if (matching.length === 0) return { all, matching, reason: null };
  const filter = nameFilter(pattern.globs);
  const passing = filter === null ? all : all.filter(({ name }) => filter.passes(name));
  const isInPages = passing.length <= PAGE_SIZE * MOST_PAGES;
  const mostQuestions = isInPages ? all.length / QUEUES_A_QUESTION : MOST_QUESTIONS;
  if (matching.length <= mostQuestions) {
    return { all, matching: await askForEach(session, matching, options), reason: null };
  }
  if (isInPages) return { all, matching: await askForPages(session, filter, matching, options), reason: null };
  return await withTotals(session, { all, matching, reason: NOTHING }, pattern, options);
}

/**
 * The broker asks each queue for its totals, so one that is stuck holds all of them back: then there are none. `list`:
 * what is left without them.
 */
async function withTotals(
  session: Session,
  list: List,
  pattern: QueuePattern,
  { signal, onAnswer }: ListOptions,
): Promise<List> {
  const answer = await session.management.getIfTold(`/queues/${session.place}?${TOTALS_QUERY}`, signal);
  onAnswer?.();
  if (answer.status !== 'ok' || !Array.isArray(answer.body)) return list;
  const counted = await withAllPolicies(session, answer.body, signal);
  return { all: counted, matching: inOrder(counted, pattern), reason: MANY };
}

/** The names of all queues, in the broker's order. */
export async function readNames(session: Session, signal: AbortSignal): Promise<readonly string[]> {
  const told = await ask(session, 'columns=name&disable_stats=true', signal);
  return infosOf(session, told).map(({ name }) => name);
}

function inOrder(infos: readonly QueueInfo[], pattern: QueuePattern): readonly QueueInfo[] {
  return infos
    .filter(({ name }) => pattern.matches(name))
    .sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}

async function readAll(session: Session, { signal, onAnswer }: ListOptions): Promise<readonly QueueInfo[]> {
  const told = await ask(session, LINKS_QUERY, signal);
  onAnswer?.();
  return await withAllPolicies(session, told, signal);
}

async function withAllPolicies(
  session: Session,
  told: JsonObject[string],
  signal: AbortSignal,
): Promise<readonly QueueInfo[]> {
  const queues = await withPolicies(session.management, session.place, 'queues', listOf(told), signal);
  return infosOf(session, Array.isArray(told) ? [...queues] : told);
}

/** A queue that was deleted since is missing. */
async function askForEach(
  session: Session,
  queues: readonly QueueInfo[],
  { signal, onAnswer }: ListOptions,
): Promise<readonly QueueInfo[]> {
  const found = new Map<string, QueueInfo>();
  await inParallel(queues, QUESTIONS_AT_ONCE, async (queue) => {
    if (isDots(queue.name)) {
      found.set(queue.name, queue);
      return;
    }
    const path = `/queues/${session.place}/${encodeURIComponent(queue.name)}?${FIGURES_QUERY}`;
    const answer = await session.management.get(path, signal);
    onAnswer?.();
    if (answer.status === 'missing') return;
    const told = answer.status === 'ok' && isObject(answer.body) ? queueInfo(answer.body) : null;
    found.set(queue.name, withFigures(queue, told));
  });
  return queues.flatMap(({ name }) => found.get(name) ?? []);
}

async function askForPages(
  session: Session,
  filter: NameFilter | null,
  queues: readonly QueueInfo[],
  { signal, onAnswer }: ListOptions,
): Promise<readonly QueueInfo[]> {
  const search = filter === null ? '' : `&use_regex=true&name=${encodeURIComponent(filter.expression)}`;
  const page = async (number: number): Promise<JsonObject> => {
    const answer = await ask(session, `page=${number}&page_size=${PAGE_SIZE}${search}&${FIGURES_QUERY}`, signal);
    onAnswer?.();
    return isObject(answer) ? answer : { items: answer };
  };
  const first = await page(1);
  const count = Math.min(numberAt(first, 'page_count') ?? 1, MOST_PAGES);
  const others = await Promise.all(Array.from({ length: count - 1 }, (_, index) => page(index + 2)));
  const told = new Map<string, QueueInfo>();
  for (const { items } of [first, ...others]) for (const info of infosOf(session, items)) told.set(info.name, info);
  // Queues that come and go meanwhile move others from one page to the next.
  return queues.map((queue) => withFigures(queue, told.get(queue.name) ?? null));
}

/** The figures tell its policy some seconds late, or not yet. */
function withFigures(queue: QueueInfo, figures: QueueInfo | null): QueueInfo {
  if (figures === null) return queue;
  return queue.isPolicyTold ? { ...figures, policy: queue.policy, isPolicyTold: true } : figures;
}

function infosOf(session: Session, items: JsonObject[string]): readonly QueueInfo[] {
  if (!Array.isArray(items)) throw needsManagement('listing queues', session.management.isAnother);
  return listOf(items)
    .map(queueInfo)
    .filter((info) => info !== null);
}

async function ask(session: Session, query: string, signal: AbortSignal): Promise<JsonObject[string]> {
  const answer = await session.management.get(`/queues/${session.place}?${query}`, signal);
  if (answer.status === 'ok') return answer.body;
  // With a wrong password, or without a broker, that is the reason to report, and AMQP knows it better.
  await session.ask(signal, async () => undefined);
  if (answer.status === 'unavailable') throw needsManagement('listing queues', answer.reason);
  // There is no such vhost, and AMQP says that better; or the API belongs to another broker.
  const { vhost } = session.address;
  throw needsManagement('listing queues', `${session.management.label} has no vhost ${JSON.stringify(vhost)}`);
}
