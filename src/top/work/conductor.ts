import type { History } from '../../change/history.ts';
import { paced } from '../../change/progress.ts';
import { inOneLine } from '../../change/question.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { Deadline } from '../../core/deadline.ts';
import { reasonFor } from '../../feed/poll-broker.ts';
import type { ActionState } from '../state/action.ts';
import { type Asked, askedBy } from '../state/detail.ts';
import type { TopEvent } from '../state/event.ts';
import type { TopState } from '../state/state.ts';
import type { Connections } from './connections.ts';
import { lookAtDeadLetters, lookAtMessages, lookAtQueue } from './look.ts';
import { type PlannedAction, planAction } from './plan-action.ts';

export interface ConductorOptions {
  readonly connections: Connections;
  readonly dispatch: (event: TopEvent) => void;
  /** The longest wait for one look or one plan. Work itself has no deadline. */
  readonly timeoutMs: number;
  /** Polls at once: something was changed. */
  readonly refresh: () => void;
  readonly history: History;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Hides secrets in texts of the broker. */
  readonly redact: (text: string) => string;
}

/**
 * Does what the state asks for. It compares the state with the work in progress, starts what is new and aborts what is
 * no longer wanted. So the reducer stays pure, and a state shows what is going on.
 */
export class Conductor {
  readonly #options: ConductorOptions;
  readonly #looks = new Map<number, AbortController>();
  #action: {
    readonly id: number;
    readonly abort: AbortController;
    planned: PlannedAction | null;
    running: boolean;
  } | null = null;
  readonly #work = new Set<Promise<void>>();

  constructor(options: ConductorOptions) {
    this.#options = options;
  }

  follow(state: TopState): void {
    this.#followLooks(askedBy(state.detail));
    this.#followAction(state.action);
  }

  /** Aborts everything. Resolves when what was in the air is settled. */
  async stop(): Promise<void> {
    for (const abort of this.#looks.values()) abort.abort();
    this.#action?.abort.abort();
    await Promise.all(this.#work);
  }

  #followLooks(asked: readonly Asked[]): void {
    const wanted = new Set(asked.map(({ request }) => request));
    for (const [request, abort] of this.#looks) if (!wanted.has(request)) abort.abort();
    for (const one of asked) if (!this.#looks.has(one.request)) this.#track(this.#look(one));
  }

  async #look({ request, what, key, consented }: Asked): Promise<void> {
    const abort = new AbortController();
    this.#looks.set(request, abort);
    const { connections, dispatch } = this.#options;
    const deadline = new Deadline(what, this.#options.timeoutMs, abort.signal);
    try {
      dispatch(
        await deadline.watch(async () => {
          const { signal } = deadline;
          const broker = await connections.to(key.context, signal);
          const look = { broker, name: key.queue, consented, shown: connections.watched(key.context).shown };
          if (what === 'overview') {
            return { type: what, request, answer: await lookAtQueue(broker, key.queue, signal) };
          }
          if (what === 'dead') return { type: what, request, answer: await lookAtDeadLetters(look, signal) };
          return { type: what, request, answer: await lookAtMessages(look, signal) };
        }),
      );
    } catch (error) {
      // Told before the connection is closed, which may take as long as the answer that did not come.
      const forgotten = this.#forgetBroken(key.context, error);
      if (!abort.signal.aborted)
        dispatch({ type: what, request, answer: { status: 'failed', reason: this.#sentence(error) } });
      await forgotten;
    } finally {
      this.#looks.delete(request);
    }
  }

  #followAction(action: ActionState | null): void {
    const id = action !== null && 'id' in action ? action.id : null;
    const current = this.#action;
    if (current !== null && (current.id !== id || action?.step === 'stopping')) current.abort.abort();
    if (current !== null && current.id !== id && !current.running) this.#action = null;
    if (action?.step === 'planning' && this.#action === null) this.#track(this.#plan(action));
    if (action?.step === 'running' && current?.id === id && current !== null && !current.running) {
      current.running = true;
      this.#track(this.#run(action, current.abort.signal, current.planned));
    }
  }

  async #plan({ id, request }: Extract<ActionState, { readonly step: 'planning' }>): Promise<void> {
    const abort = new AbortController();
    const current = { id, abort, planned: null as PlannedAction | null, running: false };
    this.#action = current;
    const { dispatch, timeoutMs } = this.#options;
    const deadline = new Deadline(request.verb, timeoutMs, abort.signal);
    try {
      current.planned = await deadline.watch(() => planAction(request, this.#options, deadline.signal));
      if (!abort.signal.aborted) dispatch({ type: 'planned', id, question: current.planned.question });
    } catch (error) {
      const forgotten = this.#forgetBroken(request.key.context, error);
      if (this.#action === current) this.#action = null;
      dispatch({ type: 'finished', id, lines: [this.#sentence(error)], failed: true });
      await forgotten;
    }
  }

  async #run(
    { id, request, answer }: Extract<ActionState, { readonly step: 'running' | 'stopping' }>,
    signal: AbortSignal,
    planned: PlannedAction | null,
  ): Promise<void> {
    const { dispatch, refresh } = this.#options;
    try {
      if (planned === null) throw new MqError('INTERNAL', 'an action was started that was not planned');
      const onProgress = paced((progress) => dispatch({ type: 'progress', id, progress }));
      const outcome = await planned.run(answer, onProgress, signal);
      this.#action = null;
      dispatch({ type: 'finished', id, ...outcome });
    } catch (error) {
      this.#action = null;
      const forgotten = this.#forgetBroken(request.key.context, error);
      dispatch({ type: 'finished', id, lines: [this.#sentence(error)], failed: true });
      await forgotten;
    }
    refresh();
  }

  async #forgetBroken(context: string, error: unknown): Promise<void> {
    if (isMqError(error) && error.retryable) await this.#options.connections.forget(context);
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  #sentence(error: unknown): string {
    return this.#options.redact(isMqError(error) ? inOneLine(error) : reasonFor(error));
  }
}
