import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { groupExpression } from '../../core/dead-letter-groups.ts';
import type { AnyReport } from '../../core/report.ts';
import type { ActionRequest } from '../state/action.ts';
import type { Change, WatchedBroker } from '../watched.ts';

/** Puts what is done from the view into the same history as what the verbs do. */
export class History {
  readonly #watched: WatchedBroker;
  readonly #what: Omit<Change, 'durationMs' | 'report' | 'errorCode'>;

  constructor(watched: WatchedBroker, { name, address }: Broker, { verb, key, to, group, max, state }: ActionRequest) {
    this.#watched = watched;
    const selection = {
      ...(group === null ? {} : { filter: groupExpression(group) }),
      ...(max === null ? {} : { max }),
      ...(verb === 'purge' ? { state } : {}),
    };
    this.#what = { verb, queue: key.queue, to, selection, broker: { name, address } };
  }

  /** Does the work; `note` is what there is to say when the history could not be written. */
  async around<R extends AnyReport | null>(
    work: () => Promise<R>,
  ): Promise<{ readonly report: R; readonly note: readonly string[] }> {
    const started = performance.now();
    const change = (report: AnyReport | null, errorCode: Change['errorCode']): Change => {
      return { ...this.#what, durationMs: Math.round(performance.now() - started), report, errorCode };
    };
    try {
      const report = await work();
      const note = await this.#watched.remember(change(report, null));
      return { report, note: note === null ? [] : [note] };
    } catch (error) {
      await this.#watched.remember(change(null, isMqError(error) ? error.code : 'INTERNAL'));
      throw error;
    }
  }
}
