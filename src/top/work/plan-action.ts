import type { Broker } from '../../contract/broker.ts';
import { requireCapability } from '../../contract/capabilities.ts';
import { MqError } from '../../contract/errors.ts';
import type { Notice, Queue } from '../../contract/queue.ts';
import { groupFilter } from '../../core/dead-letter-groups.ts';
import { planMove } from '../../core/move.ts';
import type { Plan, Progress } from '../../core/plan.ts';
import { planQuestion, reportSentence } from '../../core/plan-words.ts';
import { planPurge } from '../../core/purge.ts';
import { planRedrive } from '../../core/redrive.ts';
import { EVERYTHING } from '../../core/selection.ts';
import type { ActionRequest, Question } from '../state/action.ts';
import type { WatchedBroker } from '../watched.ts';
import type { Connections } from './connections.ts';
import { History } from './history.ts';
import { Permits } from './permits.ts';

export interface ActionOutcome {
  readonly lines: readonly string[];
  /** Something was not done: failed, uncertain or not finished. */
  readonly failed: boolean;
}

/** An action whose checks are done and which has changed nothing yet. */
export interface PlannedAction {
  readonly question: Question;
  run(onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<ActionOutcome>;
}

const FAILURES_SHOWN = 3;

/**
 * The same plans as the verbs have, with the same rules: purging, and whatever the configuration protects, asks for the
 * queue's name; redriving and moving ask yes or no. Pausing and resuming ask too, which the verbs do not: here it is
 * one key, and a slip of a finger must not stop a queue. Throws when the configuration refuses the change.
 */
export async function planAction(
  request: ActionRequest,
  connections: Connections,
  signal: AbortSignal,
): Promise<PlannedAction> {
  const { verb, key, to } = request;
  const watched = connections.watched(key.context);
  refuseReadonly(watched);
  const permits = new Permits(verb);
  permits.require(watched, key.queue);
  const broker = permits.watch(watched, await connections.to(key.context, signal));
  const queue = await broker.queue(key.queue, signal);
  const history = new History(watched, broker, request);
  if (verb === 'pause' || verb === 'resume') return switching(verb, queue, broker, watched, permits, history);
  const notices: string[] = [];
  const notice = (text: string): void => void notices.push(text);
  const there = verb === 'move' ? targetOf(to ?? '', key.context, connections) : null;
  const target = there === null ? null : await opened(there, permits, connections, signal);
  const plan = await planOf(request, queue, broker, target, notice, signal);
  // The dead letters may be kept in another queue than the one that was named, and go back to others: their own rules
  // hold too. A broker that moves them by itself opens none of these.
  permits.require(watched, plan.from);
  if (verb === 'redrive') for (const origin of plan.to) permits.require(watched, origin);
  const typed = verb === 'purge' ? plan.from : permits.nameToType(plan.from);
  permits.planned();
  const places = [watched, ...(there === null || there.watched === watched ? [] : [there.watched])];
  const asked = [...planQuestion(plan, broker), ...limits(request), ...notices];
  return {
    question: { lines: [...asked, ...contextLine(places, permits), ...whose(typed, plan)], typed },
    async run(onProgress, runSignal) {
      notices.length = 0;
      const { report, note } = await history.around(() => plan.run({ dryRun: false, onProgress, signal: runSignal }));
      const failed = report.failed > 0 || report.unknown > 0 || !report.complete;
      const failures = report.failures
        .slice(0, FAILURES_SHOWN)
        .map(({ id, reason }) => `${id ?? 'a message'}: ${reason}`);
      return { lines: [reportSentence(report), ...failures, ...notices, ...note], failed };
    },
  };
}

function limits({ max, group }: ActionRequest): readonly string[] {
  return [
    ...(max === null ? [] : [`  at most ${max} of them`]),
    ...(group === null ? [] : [`  only those that died of: ${group}`]),
  ];
}

/** The name to type is mostly that of the queue that was named; where it is not, it has to be said. */
function whose(typed: string | null, plan: Plan): readonly string[] {
  return typed === null || typed === plan.from ? [] : [`  ${typed} is protected: it is its name that is asked for`];
}

/**
 * Two queues may have the same name in two contexts: where each is has to be said. Nothing for a broker that was named
 * by its URL.
 */
function contextLine(places: readonly WatchedBroker[], permits: Permits): readonly string[] {
  const named = places
    .filter(({ selector }) => selector[0] === '-c')
    .map(({ context }) => `${context}${permits.confirms(context) ? ' (protected)' : ''}`);
  return named.length === 0 ? [] : [`  context: ${named.join(', to ')}`];
}

function refuseReadonly({ context, readonly }: WatchedBroker): void {
  if (readonly) throw new MqError('PRECONDITION_FAILED', `${context} is readonly: nothing can be changed there`);
}

function switching(
  verb: 'pause' | 'resume',
  queue: Queue,
  broker: Broker,
  watched: WatchedBroker,
  permits: Permits,
  history: History,
): PlannedAction {
  requireCapability(queue.capabilities, 'pause', queue.name);
  const effect = verb === 'pause' ? 'consumers get nothing more until it is resumed' : 'consumers get messages again';
  const lines = [
    `${verb === 'pause' ? 'Pause' : 'Resume'} ${queue.name} on ${broker.name} (${broker.address})?`,
    `  ${effect}.`,
  ];
  return {
    question: { lines: [...lines, ...contextLine([watched], permits)], typed: permits.nameToType(queue.name) },
    async run(_onProgress, signal) {
      const { note } = await history.around(async () => {
        if (verb === 'pause') await queue.pause?.({ reason: null, signal });
        else await queue.resume?.({ signal });
        return null;
      });
      return { lines: [`${verb === 'pause' ? 'paused' : 'resumed'} ${queue.name}`, ...note], failed: false };
    },
  };
}

async function planOf(
  request: ActionRequest,
  queue: Queue,
  broker: Broker,
  target: Queue | null,
  notice: Notice,
  signal: AbortSignal,
): Promise<Plan> {
  const { verb, state, max, group } = request;
  const common = { ...EVERYTHING, broker, queue, notice, signal };
  const sending = { max, ratePerSec: null, setHeaders: {}, lossy: false, force: false };
  if (verb === 'redrive') {
    const filter = group === null ? null : groupFilter(group);
    return planRedrive({ ...common, ...sending, filter, to: null, keepDeathHeaders: false });
  }
  if (target === null) return planPurge({ ...common, state, backup: null, force: false });
  return planMove({ ...common, ...sending, operation: 'move', source: queue, state, only: null, target });
}

interface Target {
  readonly queue: string;
  readonly watched: WatchedBroker;
}

/** `name`, or `name@context` when that context is watched too. */
function targetOf(text: string, context: string, connections: Connections): Target {
  const at = text.lastIndexOf('@');
  const named = at > 0 ? text.slice(at + 1) : '';
  const elsewhere = named !== '' && connections.has(named);
  return { queue: elsewhere ? text.slice(0, at) : text, watched: connections.watched(elsewhere ? named : context) };
}

/** The target, by the same rules as what is moved there. */
async function opened(
  { queue, watched }: Target,
  permits: Permits,
  connections: Connections,
  signal: AbortSignal,
): Promise<Queue> {
  refuseReadonly(watched);
  permits.require(watched, queue);
  const broker = permits.watch(watched, await connections.to(watched.context, signal));
  return broker.queue(queue, signal);
}
