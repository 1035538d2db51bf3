import type { Broker } from '../../contract/broker.ts';
import type { ChangeVerb, WatchedBroker } from '../watched.ts';

/** What the configuration says of all the queues that one action changes, gathered while it is planned. */
export class Permits {
  readonly #verb: ChangeVerb;
  readonly #toConfirm = new Set<string>();
  readonly #confirming = new Set<string>();
  #isPlanned = false;

  constructor(verb: ChangeVerb) {
    this.#verb = verb;
  }

  /**
   * Which name has to be typed: `first`, if that queue is one of those that have to be confirmed, else the first of
   * these; null: none has to.
   */
  nameToType(first: string): string | null {
    const [any = null] = this.#toConfirm;
    return this.#toConfirm.has(first) ? first : any;
  }

  /** Whether this context asks for a name. */
  confirms(context: string): boolean {
    return this.#confirming.has(context);
  }

  /** Throws when the configuration refuses it. */
  require(watched: WatchedBroker, queue: string): void {
    if (watched.permit(this.#verb, queue) !== 'type-name') return;
    this.#toConfirm.add(queue);
    this.#confirming.add(watched.context);
  }

  /**
   * From here on a queue that has to be confirmed is refused, unless a name was asked for: nobody is asked once the
   * work has begun.
   */
  planned(): void {
    this.#isPlanned = true;
  }

  /** The broker with these rules on each queue that is opened on it. */
  watch(watched: WatchedBroker, broker: Broker): Broker {
    return watched.watch(this.#verb, broker, () => !this.#isPlanned || this.#toConfirm.size > 0);
  }
}
