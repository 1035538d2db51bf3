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
 * The same plans as the verbs have, with the same rules: purging, and whatever the configuration protects, asks for the queue's name; redriving and
 * moving ask yes or no. Pausing and resuming ask too, which the verbs do not: here it is one key, and a slip of a finger must not stop a queue. Throws when the configuration refuses the change.
 */
export async function planAction(
  request: ActionRequest,
  connections: Connections,
  signal: AbortSignal,
): Promise<PlannedAction> {
  const { context, queue: name } = request.key;
  const watched = connections.watched(context);
  refuseReadonly(watched);
  const permit = watched.permit(request.verb, name);
  const broker = await connections.to(context, signal);
  const queue = await broker.queue(name, signal);
  const history = new History(watched, broker, request);
  if (request.verb === 'pause' || request.verb === 'resume') {
    return switching(request.verb, queue, broker, permit === 'type-name', history);
  }
  const notices: string[] = [];
  const plan = await planOf(request, queue, broker, connections, (text) => notices.push(text), signal);
  // The dead letters may be kept in another queue than the one that was named: its own rules hold too.
  const strict = permit === 'type-name' || watched.permit(request.verb, plan.from) === 'type-name';
  const typed = request.verb === 'purge' || strict ? plan.from : null;
  return {
    question: { lines: [...planQuestion(plan, broker), ...limits(request), ...notices], typed },
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

function refuseReadonly({ context, readonly }: WatchedBroker): void {
  if (readonly) throw new MqError('PRECONDITION_FAILED', `${context} is readonly: nothing can be changed there`);
}

function switching(
  verb: 'pause' | 'resume',
  queue: Queue,
  broker: Broker,
  isStrict: boolean,
  history: History,
): PlannedAction {
  requireCapability(queue.capabilities, 'pause', queue.name);
  const effect = verb === 'pause' ? 'consumers get nothing more until it is resumed' : 'consumers get messages again';
  const lines = [
    `${verb === 'pause' ? 'Pause' : 'Resume'} ${queue.name} on ${broker.name} (${broker.address})?`,
    `  ${effect}.`,
  ];
  return {
    question: { lines, typed: isStrict ? queue.name : null },
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
  connections: Connections,
  notice: Notice,
  signal: AbortSignal,
): Promise<Plan> {
  const { verb, state, max, group, to, key } = request;
  const common = { ...EVERYTHING, broker, queue, notice, signal };
  const sending = { max, ratePerSec: null, setHeaders: {}, lossy: false };
  if (verb === 'redrive') {
    const filter = group === null ? null : groupFilter(group);
    return planRedrive({ ...common, ...sending, filter, to: null, keepDeathHeaders: false });
  }
  if (verb === 'purge') return planPurge({ ...common, state, backup: null });
  const target = await targetOf(to ?? '', key.context, connections, signal);
  return planMove({ ...common, ...sending, operation: 'move', source: queue, state, only: null, target });
}

/** `name`, or `name@context` when that context is watched too. */
async function targetOf(text: string, context: string, connections: Connections, signal: AbortSignal): Promise<Queue> {
  const at = text.lastIndexOf('@');
  const named = at > 0 ? text.slice(at + 1) : '';
  const elsewhere = named !== '' && connections.has(named);
  const where = elsewhere ? named : context;
  const queue = elsewhere ? text.slice(0, at) : text;
  refuseReadonly(connections.watched(where));
  connections.watched(where).permit('move', queue);
  const broker = await connections.to(where, signal);
  return broker.queue(queue, signal);
}
