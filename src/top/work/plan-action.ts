import { act } from '../../change/act.ts';
import { faultLines } from '../../change/fault-lines.ts';
import { Guard } from '../../change/guard.ts';
import type { History } from '../../change/history.ts';
import { planQuestion } from '../../change/plan-question.ts';
import { declined, guarded, type Question } from '../../change/question.ts';
import { ChangeRecord } from '../../change/record.ts';
import { ask } from '../../contract/ask.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Notice } from '../../contract/call.ts';
import type { Queue } from '../../contract/queue.ts';
import { groupExpression, groupFilter } from '../../core/dead-letter-groups.ts';
import { EXIT, type ExitCode, exitOf } from '../../core/exit-codes.ts';
import { planMove } from '../../core/move.ts';
import type { Plan, Progress } from '../../core/plan.ts';
import { capital, reportSentence } from '../../core/plan-words.ts';
import { planPurge } from '../../core/purge.ts';
import { planRedrive } from '../../core/redrive.ts';
import type { AnyReport } from '../../core/report.ts';
import { EVERYTHING } from '../../core/selection.ts';
import type { ActionRequest } from '../state/action.ts';
import type { WatchedBroker } from '../watched.ts';
import type { Connections } from './connections.ts';

export interface ActionOutcome {
  readonly lines: readonly string[];
  /** Something was not done: it failed, is uncertain, or is not finished. */
  readonly failed: boolean;
}

/** An action whose checks are done and that has changed nothing yet. */
export interface PlannedAction {
  readonly question: Question;
  /** Does nothing unless `answer` answers the question. */
  run(answer: string, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<ActionOutcome>;
}

export interface ActionTools {
  readonly connections: Connections;
  readonly history: History;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Makes the same plans as the verbs, with the same guard. Purging, and whatever the configuration protects, asks for
 * the queue's name. Redriving and moving ask yes or no. Pausing and resuming ask too, although the verbs do not: here
 * it is one key, and a slip of the finger must not stop a queue. Throws if the configuration refuses the change.
 */
export async function planAction(
  request: ActionRequest,
  tools: ActionTools,
  signal: AbortSignal,
): Promise<PlannedAction> {
  const { connections } = tools;
  const { verb, key, to } = request;
  const watched = connections.watched(key.context);
  const there = verb === 'move' ? targetOf(to ?? '', key.context, connections) : null;
  const guard = new Guard(verb);
  guard.admit({ queue: key.queue, policy: watched.policy });
  if (there !== null) guard.admit({ queue: there.queue, policy: there.watched.policy });
  const broker = guard.watch(await connections.to(key.context, signal), watched.policy);
  const queue = await broker.queue(key.queue, signal);
  const record = recordOf(request, watched, broker);
  const notices: string[] = [];
  const notice = (text: string): void => void notices.push(text);
  const carriedOut = <R>(question: Question, answer: string, run: () => Promise<R>, exitOf: (result: R) => ExitCode) =>
    act({
      ...{ guard, record, run, exitOf, note: notice, history: tools.history, now: tools.now },
      async confirm() {
        const refusal = declined(question, answer);
        if (refusal !== null) throw refusal;
      },
      finalOf: (exit) => exit,
    });
  if (verb === 'pause' || verb === 'resume') {
    const { pause, resume } = ask(queue, 'pause');
    const lines = switchingLines(verb, queue, broker);
    const question = guarded({ lines, typed: null, about: queue.name, policies: [watched.policy] }, guard);
    return {
      question,
      async run(answer, _onProgress, runSignal) {
        const change = async (): Promise<void> => {
          if (verb === 'pause') await pause({ reason: null, signal: runSignal });
          else await resume({ signal: runSignal });
        };
        await carriedOut(question, answer, change, () => EXIT.done);
        return { lines: [`${verb === 'pause' ? 'paused' : 'resumed'} ${queue.name}`, ...notices], failed: false };
      },
    };
  }
  const target = there === null ? null : await opened(there, guard, connections, signal);
  const plan = await planOf(request, queue, broker, target, notice, signal);
  // A broker that moves dead letters by itself does not open the queues that they go back to.
  if (verb === 'redrive') for (const origin of plan.to) guard.require(origin, watched.policy);
  const question = guarded(
    {
      lines: [...planQuestion(plan, broker, request.max), ...limits(request), ...notices],
      typed: verb === 'purge' ? plan.from : null,
      about: plan.from,
      policies: [watched.policy, there?.watched.policy ?? null],
    },
    guard,
  );
  return {
    question,
    async run(answer, onProgress, runSignal) {
      notices.length = 0;
      const work = async (): Promise<AnyReport> => {
        const report = await plan.run({ dryRun: false, onProgress, signal: runSignal });
        record.learnReport(report);
        return report;
      };
      const report = await carriedOut(question, answer, work, exitOf);
      const failed = report.failed > 0 || report.unknown > 0 || !report.complete;
      return { lines: [reportSentence(report), ...faultLines(report, ''), ...notices], failed };
    },
  };
}

function recordOf(request: ActionRequest, { policy }: WatchedBroker, { name, address }: Broker): ChangeRecord {
  const { verb, key, to, group, max, state } = request;
  const record = new ChangeRecord({
    verb,
    context: policy?.name ?? null,
    queues: [key.queue],
    to: to === null ? [] : [to],
    flags: {
      ...(group === null ? {} : { filter: groupExpression(group) }),
      ...(max === null ? {} : { max }),
      ...(verb === 'purge' ? { state } : {}),
    },
  });
  record.learnBroker(name, address);
  return record;
}

function limits({ group }: ActionRequest): readonly string[] {
  return group === null ? [] : [`  only those that died of: ${group}`];
}

function switchingLines(verb: 'pause' | 'resume', { name }: Queue, broker: Broker): readonly string[] {
  const effect = verb === 'pause' ? 'consumers get nothing more until it is resumed' : 'consumers get messages again';
  return [`${capital(verb)} ${name} on ${broker.name} (${broker.address})?`, `  ${effect}.`];
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

/** `name`, or `name@context` if that context is watched too. */
function targetOf(text: string, context: string, connections: Connections): Target {
  const at = text.lastIndexOf('@');
  const named = at > 0 ? text.slice(at + 1) : '';
  const elsewhere = named !== '' && connections.has(named);
  return { queue: elsewhere ? text.slice(0, at) : text, watched: connections.watched(elsewhere ? named : context) };
}

/** The target, by the same rules as the messages that are moved there. */
async function opened(
  { queue, watched }: Target,
  guard: Guard,
  connections: Connections,
  signal: AbortSignal,
): Promise<Queue> {
  const broker = guard.watch(await connections.to(watched.context, signal), watched.policy);
  return broker.queue(queue, signal);
}
