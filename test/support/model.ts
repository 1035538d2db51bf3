/**
 * A model of queues in memory, for property tests of any broker that keeps dead letters in other queues: random steps
 * are done to a real broker and to this, and after each one every message must be where the model says. It knows
 * nothing of brokers: whose dead letter a message is says its own mark.
 */
export interface ModelMessage {
  readonly id: string;
  /** Chosen by a filter, in steps that have one. */
  readonly chosen: boolean;
  /** The queues that lost it, newest first, as the message itself says. */
  readonly deaths: readonly string[];
  /** It was sent anew since it last died, with its marks in it. */
  readonly isSentAnew: boolean;
}

export interface ModelOptions {
  /** False: a message that is sent, by whatever verb, is a new one that says nothing of its death. */
  readonly marksTravel?: boolean;
  /**
   * A message that was sent anew with marks of death loses them when it dies again: the broker believes its own only.
   */
  readonly forgetsWhatWasSent?: boolean;
}

interface Selecting {
  /** Only the messages that are `chosen`. */
  readonly filtered: boolean;
  readonly max: number | null;
  readonly dryRun: boolean;
}

/** What is done to the broker. Those of `Verb` by `mq`, the others behind its back. */
export type Verb =
  | ({ readonly verb: 'redrive'; readonly queue: string } & Selecting)
  | ({ readonly verb: 'move' | 'copy'; readonly queue: string; readonly to: string } & Selecting)
  | ({ readonly verb: 'purge'; readonly queue: string; readonly dead: boolean } & Selecting)
  | { readonly verb: 'peek'; readonly queue: string; readonly dead: boolean };

export type Deed =
  /** A producer sends so many. */
  | { readonly deed: 'enqueue'; readonly queue: string; readonly count: number }
  /** A consumer fails the first so many: they go where the link leads, or are lost. */
  | { readonly deed: 'die'; readonly queue: string; readonly count: number }
  /** From now on the dead letters of the queue go there; null: nowhere. */
  | { readonly deed: 'link'; readonly queue: string; readonly to: string | null }
  /** From now on it holds at most this many, and drops the oldest for new ones; null: no limit. */
  | { readonly deed: 'limit'; readonly queue: string; readonly most: number | null };

export type Step = Verb | Deed;

/** What a verb may report. Refusing as a whole is right wherever nothing has happened. */
export interface Expectation {
  /** How many it takes, where it is carried out; a dry run says the same number. */
  readonly taken: number;
  /** How many more it would take if the targets had room. Not 0: only a part can go, and refusing is better. */
  readonly misfit: number;
  /** How many more are named that nothing says where they belong, so that they fail. */
  readonly astray: number;
}

interface Taken {
  readonly message: ModelMessage;
  /** Null: it is deleted. */
  readonly to: string | null;
}

interface Expected {
  readonly holder: string;
  readonly taken: readonly Taken[];
  readonly misfit: number;
  readonly astray: number;
}

type Taking = Exclude<Verb, { readonly verb: 'peek' }>;

export class Model {
  readonly #queues = new Map<string, ModelMessage[]>();
  readonly #links = new Map<string, string>();
  readonly #limits = new Map<string, number>();
  #serial = 0;

  readonly #options: ModelOptions;

  constructor(queues: readonly string[], options: ModelOptions = {}) {
    this.#options = options;
    for (const queue of queues) this.#queues.set(queue, []);
  }

  get queues(): readonly string[] {
    return [...this.#queues.keys()];
  }

  in(queue: string): readonly ModelMessage[] {
    return this.#queues.get(queue) ?? [];
  }

  linkOf(queue: string): string | null {
    return this.#links.get(queue) ?? null;
  }

  limitOf(queue: string): number | null {
    return this.#limits.get(queue) ?? null;
  }

  /** How many more it holds without dropping any. */
  roomIn(queue: string): number {
    return (this.#limits.get(queue) ?? Number.POSITIVE_INFINITY) - this.in(queue).length;
  }

  /** The queues whose dead letters arrive there now to stay. What leads back is no dead-letter queue. */
  sourcesOf(queue: string): readonly string[] {
    return [...this.#links]
      .filter(([source, to]) => to === queue && !this.#leads(queue, source))
      .map(([source]) => source);
  }

  #leads(from: string, to: string): boolean {
    const seen = new Set<string>();
    for (let at: string | null = from; at !== null && !seen.has(at); at = this.linkOf(at)) {
      if (at === to) return true;
      seen.add(at);
    }
    return false;
  }

  /** New messages, every second of them `chosen`. */
  enqueue(queue: string, count: number): readonly ModelMessage[] {
    const messages = Array.from({ length: count }, () => {
      const n = this.#serial++;
      return { id: `m${n}`, chosen: n % 2 === 0, deaths: [], isSentAnew: false };
    });
    this.#put(queue, messages);
    return messages;
  }

  /** Fails the first so many, or those of these ids where the broker does not keep the order, and tells which. */
  die(queue: string, which: number | readonly string[]): readonly ModelMessage[] {
    const rest = [...this.in(queue)];
    const dead =
      typeof which === 'number'
        ? rest.slice(0, which)
        : which.flatMap((id) =>
            rest.splice(
              rest.findIndex((message) => message.id === id),
              1,
            ),
          );
    this.#remove(queue, dead);
    const to = this.linkOf(queue);
    const after = dead.map((message) => this.#afterDeath(message, queue));
    if (to !== null) this.#put(to, after);
    return dead;
  }

  #afterDeath(message: ModelMessage, queue: string): ModelMessage {
    const isForgotten = message.isSentAnew && this.#options.forgetsWhatWasSent === true;
    const before = isForgotten ? [] : message.deaths.filter((name) => name !== queue);
    return { ...message, deaths: [queue, ...before], isSentAnew: false };
  }

  /** Deletes the queue with everything in it. What it lost before says so all the same. */
  delete(queue: string): void {
    this.#queues.delete(queue);
    this.#links.delete(queue);
    for (const [source, to] of this.#links) if (to === queue) this.#links.delete(source);
  }

  link(queue: string, to: string | null): void {
    if (to === null) this.#links.delete(queue);
    else this.#links.set(queue, to);
  }

  limit(queue: string, most: number | null): void {
    if (most === null) this.#limits.delete(queue);
    else this.#limits.set(queue, most);
  }

  /** What the verb would do. Changes nothing. */
  expect(step: Verb): Expectation {
    if (step.verb === 'peek') return { taken: 0, misfit: 0, astray: 0 };
    const { taken, misfit, astray } = this.#plan(step);
    return { taken: taken.length, misfit, astray };
  }

  /** Does what the verb does where it is carried out, as far as the targets have room. Of a dry run: nothing. */
  apply(step: Verb): void {
    if (step.verb === 'peek' || step.dryRun) return;
    const { holder, taken } = this.#plan(step);
    if (step.verb !== 'copy')
      this.#remove(
        holder,
        taken.map(({ message }) => message),
      );
    for (const { message, to } of taken) {
      if (to === null) continue;
      const isBack = to === message.deaths[0];
      const deaths = step.verb !== 'redrive' ? message.deaths : isBack ? message.deaths.slice(1) : [];
      this.#put(to, [{ ...message, deaths: this.#options.marksTravel === false ? [] : deaths, isSentAnew: true }]);
    }
  }

  #plan(step: Taking): Expected {
    const { holder, named } = this.#scope(step);
    const chosen = named.filter((message) => message.chosen || !step.filtered).slice(0, step.max ?? undefined);
    const taken: Taken[] = [];
    const coming = new Map<string, number>();
    let misfit = 0;
    for (const message of chosen) {
      const to = this.#targetOf(step, message, holder);
      if (to === undefined) continue;
      const before = to === null ? 0 : (coming.get(to) ?? 0);
      if (to !== null && before >= this.roomIn(to)) {
        misfit += 1;
        continue;
      }
      if (to !== null) coming.set(to, before + 1);
      taken.push({ message, to });
    }
    return { holder, taken, misfit, astray: chosen.length - taken.length - misfit };
  }

  /** Null: it is deleted. Undefined: it fails, and stays where it is. */
  #targetOf(step: Taking, message: ModelMessage, holder: string): string | null | undefined {
    if (step.verb === 'purge') return null;
    if (step.verb !== 'redrive') return step.to;
    const origin = markOf(message, holder) ?? this.#onlySourceOf(holder);
    return origin !== null && this.#queues.has(origin) ? origin : undefined;
  }

  /** The messages that are named, and the queue they are in. */
  #scope(step: Taking): { readonly holder: string; readonly named: readonly ModelMessage[] } {
    const { queue } = step;
    const deadOnly = step.verb === 'redrive' || (step.verb === 'purge' && step.dead);
    if (!deadOnly) return { holder: queue, named: this.in(queue) };
    const holder = this.linkOf(queue);
    if (holder === null) {
      if (this.sourcesOf(queue).length > 0) return { holder: queue, named: this.in(queue) };
      const says = (message: ModelMessage) => markOf(message, queue) !== null;
      return { holder: queue, named: step.verb === 'redrive' ? this.in(queue).filter(says) : [] };
    }
    const isAlone = this.#onlySourceOf(holder) === queue;
    const named = this.in(holder).filter((message) => {
      const mark = markOf(message, holder);
      return mark === queue || (mark === null && isAlone);
    });
    return { holder, named };
  }

  #onlySourceOf(holder: string): string | null {
    const [only, ...others] = this.sourcesOf(holder);
    return others.length === 0 && only !== undefined ? only : null;
  }

  #put(queue: string, messages: readonly ModelMessage[]): void {
    this.#queues.set(queue, [...this.in(queue), ...messages]);
  }

  #remove(queue: string, messages: readonly ModelMessage[]): void {
    const gone = new Set(messages);
    this.#queues.set(
      queue,
      this.in(queue).filter((message) => !gone.has(message)),
    );
  }
}

/** Back in the queue where it died, it is no dead letter. */
function markOf(message: ModelMessage, holder: string): string | null {
  const [last = null] = message.deaths;
  return last === holder ? null : last;
}
