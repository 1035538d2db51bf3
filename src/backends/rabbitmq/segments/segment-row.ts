import type { Link } from '../connection/link.ts';
import type { RabbitKind } from '../management/queue-info.ts';
import { Segment, type SegmentEvents } from './segment.ts';

export interface SegmentRowSetup {
  readonly link: Link;
  readonly queue: string;
  readonly kind: RabbitKind;
  /** Never take more than this many; null: no bound. */
  readonly limit: number | null;
  readonly window: number | 'unbounded';
  /** Ready messages at the start. */
  readonly depth: number;
  /** Broker-side priority: peeks come after real consumers. Null: the usual one. */
  readonly priority: number | null;
  /** Nothing will be acknowledged. */
  readonly looksOnly?: true;
  /** See `limitOfLooks`. */
  readonly deliveryLimit: number | null;
}

export interface SegmentRowEvents extends SegmentEvents {
  /** The next segment could not be opened, or the last one could not be cancelled. */
  failed(error: unknown): void;
}

/** The highest prefetch that `basic.qos` can say. 0 would mean 2,000 on a quorum queue. */
const MAX_PREFETCH = 65_535;
/**
 * How many a segment may hold if any number can be held. The last acks are held back, so this is also the largest
 * number of copies that are doubled if `mq` is killed. Up to here, acks out of order cost little.
 */
const SEGMENT = 500;
/** Without acks to hold back, fewer and larger segments are faster. */
const SEGMENT_OF_A_LOOK = 2_000;
/** Or this share of the rest, if that is more: ten million then fit into the usual 2,047 channels of a connection. */
const SHARE_OF_REST = 1 / 400;

/**
 * The segments of one consumption, filled one after the other. With a window there is one segment, whose prefetch is
 * the window; when the caller holds all of that, there is another. Without a window, one segment follows another, so
 * that any number can be held in order.
 */
export class SegmentRow {
  readonly #setup: SegmentRowSetup;
  readonly #events: SegmentRowEvents;
  /** No further segment follows. */
  readonly #ending: AbortSignal;
  readonly #segments: Segment[] = [];
  #delivered = 0;
  #advancing: Promise<void> = Promise.resolve();

  constructor(setup: SegmentRowSetup, events: SegmentRowEvents, ending: AbortSignal) {
    this.#setup = setup;
    this.#ending = ending;
    this.#events = {
      ...events,
      delivered: (segment, content) => {
        this.#delivered++;
        events.delivered(segment, content);
      },
    };
  }

  /** In the order in which they were filled. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get last(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** Messages of all segments. */
  get delivered(): number {
    return this.#delivered;
  }

  /** The sum of a count over all segments. */
  sum(count: (segment: Segment) => number): number {
    return this.#segments.reduce((sum, segment) => sum + count(segment), 0);
  }

  async open(): Promise<void> {
    const { link, queue, kind, window, limit, priority, deliveryLimit } = this.#setup;
    const left = limit === null ? null : limit - this.#delivered;
    // As many again as the caller holds: any number is then held on a few channels.
    const size = window === 'unbounded' ? this.#segmentSize() : Math.max(window, this.sum(KEPT));
    const prefetch = Math.max(1, Math.min(size, left ?? MAX_PREFETCH, MAX_PREFETCH));
    const segment = await Segment.open(
      link,
      { queue, isQuorum: kind === 'quorum', prefetch, limit: left, deliveryLimit },
      this.#events,
    );
    this.#segments.push(segment);
    await segment.start(priority);
  }

  #segmentSize(): number {
    const { limit, depth, looksOnly } = this.#setup;
    const rest = Math.max(0, (limit ?? depth) - this.#delivered);
    return Math.max(looksOnly === true ? SEGMENT_OF_A_LOOK : SEGMENT, Math.ceil(rest * SHARE_OF_REST));
  }

  /**
   * Another segment follows the last one when that is full of messages that will be held. Without a window it comes
   * early enough for the caller not to wait.
   */
  advance(isCallerWaiting: boolean): void {
    const { last } = this;
    if (this.#ending.aborted || last === undefined || last.isCancelled) return;
    if (this.#isDue(last, isCallerWaiting)) void this.replace(last);
  }

  #isDue(last: Segment, isCallerWaiting: boolean): boolean {
    const { window, looksOnly } = this.#setup;
    if (window !== 'unbounded') return last.isAllKept;
    if (last.isMostlyKept) return true;
    if (last.isFull && (looksOnly === true || isCallerWaiting)) return true;
    // A large segment is left long before its limit would hold acks back.
    return last.size > SEGMENT && last.isHalfway;
  }

  /**
   * Another segment starts when the last one gets nothing more, so that the order stays. Does not reject: see `failed`.
   */
  replace(last: Segment): Promise<void> {
    this.#advancing = last
      .cancel()
      .then(() => (this.#ending.aborted ? undefined : this.open()))
      .catch((error: unknown) => this.#events.failed(error));
    return this.#advancing;
  }

  /** Resolves when the broker sends nothing more. Unsettled messages stay held, and all acks are written. */
  async cancel(): Promise<void> {
    await this.#advancing;
    await this.last?.cancel();
  }
}

const KEPT = ({ kept }: Segment): number => kept;
