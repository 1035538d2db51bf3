import { Room } from './overflow.ts';
import type { QueueRules } from './queue-rules.ts';

/** The content of a queue and its rules, now. */
export interface RoomReading {
  readonly rules: QueueRules;
  /** Null: unknown. */
  readonly ready: number | null;
}

/** Notices while messages are sent. */
export interface RoomNews {
  /** The limits of the queue have changed, and `room` is what is left. */
  changed(room: Room): void;
  /** Told once: it is unknown whether the limits that were read still apply, and why. */
  unread(why: string): void;
}

/** The time between two looks at the limits of a queue while messages are sent to it. */
const LOOK_MS = 1_000;
/** Everything has to end soon after the last message, even if there is no answer. */
const LAST_LOOK_MS = 500;

/**
 * The room of a queue while messages are sent to it. A policy may change its limits meanwhile, so they are read again
 * in each second in which something is sent. The messages of that second may be lost, which is told; later ones are
 * not. If the limits cannot be read again, the old ones keep applying, and that is told.
 */
export class RoomWatch {
  readonly #read: (signal: AbortSignal) => Promise<RoomReading>;
  readonly #end = new AbortController();
  readonly #news: RoomNews;
  #limits: string;
  #room: Room | null;
  #lookedAt = performance.now();
  #looking: Promise<void> | null = null;
  /** Places taken since the last look. */
  #taken = 0;
  #isUnreadTold: boolean;

  /** `read`: read again. */
  constructor(first: RoomReading, read: (signal: AbortSignal) => Promise<RoomReading>, news: RoomNews) {
    this.#read = read;
    this.#news = news;
    // Limits that were unknown at first were told, or accepted, before anything was sent.
    this.#isUnreadTold = whyUnknown(first.rules) !== null;
    this.#limits = first.rules.limits;
    this.#room = Room.of(first.rules, first.ready);
  }

  /**
   * Takes the place for one message, or says why there is none. `inTheAir`: messages that are sent and not confirmed.
   */
  refusal(bodyBytes: number, inTheAir: number): string | null {
    const refusal = this.#room?.refusal(bodyBytes) ?? null;
    if (refusal === null) this.#taken += 1;
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.#look(inTheAir);
    return refusal;
  }

  /** Looks once more if something was sent long after the last look. */
  async end(): Promise<void> {
    if (this.#taken > 0 && performance.now() - this.#lookedAt >= LOOK_MS) this.#look(0);
    if (this.#looking === null) return;
    const timer = setTimeout(() => this.#end.abort(), LAST_LOOK_MS);
    await this.#looking;
    clearTimeout(timer);
  }

  #look(inTheAir: number): void {
    this.#looking ??= this.#lookAgain(inTheAir)
      .catch((error: unknown) => this.#tellUnread(this.#end.signal.aborted ? NO_ANSWER : reasonOf(error)))
      .finally(() => {
        this.#looking = null;
        this.#lookedAt = performance.now();
      });
  }

  async #lookAgain(inTheAir: number): Promise<void> {
    this.#taken = 0;
    const { rules, ready } = await this.#read(this.#end.signal);
    const why = whyUnknown(rules);
    if (why !== null) return this.#tellUnread(why);
    if (rules.limits === this.#limits) return;
    this.#limits = rules.limits;
    this.#room = Room.of(rules, ready === null ? null : ready + inTheAir + this.#taken);
    if (this.#room !== null) this.#news.changed(this.#room);
  }

  #tellUnread(why: string): void {
    if (this.#isUnreadTold) return;
    this.#isUnreadTold = true;
    this.#news.unread(why);
  }
}

const NO_ANSWER = 'no answer in time';

function whyUnknown(rules: QueueRules): string | null {
  for (const limit of [rules.limit('max-length'), rules.limit('max-length-bytes')]) if (!limit.known) return limit.why;
  return null;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
