import type { Delivery, Message } from '../contract/message.ts';
import type { Consumer, DeliveryPage } from '../contract/queue.ts';
import { BackOff } from './back-off.ts';
import { counted } from './counted.ts';
import { FailuresInARow } from './failures-in-a-row.ts';
import { InTheAir } from './in-the-air.ts';
import { type Clock, systemClock } from './rate-limit.ts';
import { type Report, Tally } from './report.ts';
import { retryPauseMs } from './retry-pause.ts';
import { type PutOutcome, reasonOf, type TransferRequest, takeLimit } from './transfer.ts';

/**
 * After this many failures without a success between them, the destination does not work. Messages that one answer
 * refused together are one failure.
 */
const FAILURES_IN_A_ROW = 10;

/**
 * The one lossless engine: take a delivery → select → put → ack, once the destination has it for certain.
 *
 * ```
 * taken ─┬─ leave ───────────────────────────────► held ──► given back at the end, in order
 *        ├─ matched, but it stays ──────────────► released: failed, with the reason
 *        ├─ skip (matched, but not to be taken) ─► held
 *        └─ take ─► in the air ─┬─ sent ─► acked: moved      (ack lost: unknown, it may be in both places)
 *                     ▲         ├─ refused for now ─► waits, and is sent again
 *                     └─────────┘
 *                               ├─ failed ──────► held       (or released at once as a failed delivery)
 *                               ├─ not taken ───► released: left, and the transfer ends
 *                               └─ unknown ─────► held       (answer lost: it may be in both places)
 * ```
 *
 * No edge removes a message before it is safe at the destination. `open` is called once; the consumer is always closed.
 * When taking breaks off (connection lost), what is in the air is settled. If anything was taken, the error is told by
 * `notice` and the report says `complete: false`; else the error is thrown.
 */
export async function transfer(
  request: TransferRequest,
  open: (signal: AbortSignal) => Promise<Consumer>,
  clock: Clock = systemClock,
): Promise<Report> {
  return await new Engine(request, clock).run(open);
}

/** Its methods are named after the states and edges of the picture above. */
class Engine {
  readonly #request: TransferRequest;
  readonly #clock: Clock;
  readonly #tally = new Tally();
  readonly #backOff: BackOff;
  readonly #total: number | null;
  readonly #inTheAir: InTheAir;
  /** Aborts only the taking: a consumer that waits for more must also hear that the destination does not work. */
  readonly #stop = new AbortController();
  readonly #taking: AbortSignal;
  /** Taking has ended: a failed message need not wait for its next attempt. */
  readonly #over = new AbortController();
  readonly #failures = new FailuresInARow();
  #taken = 0;
  #heldFailures = 0;
  #newer = 0;
  #alreadyThere = 0;
  #isPauseTold = false;
  #isComplete = true;
  #isPassedOver = false;
  /** Why taking broke off. */
  #broken: unknown = null;
  /** Set if the destination rejected, which no destination may do. */
  #bug: { readonly error: unknown } | null = null;

  constructor(request: TransferRequest, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
    this.#backOff = new BackOff(clock, request.to.join(', ') || 'the target', request.notice);
    this.#inTheAir = new InTheAir(request.window);
    this.#total = takeLimit(request);
    this.#taking = AbortSignal.any([request.signal, this.#stop.signal]);
  }

  async run(open: (signal: AbortSignal) => Promise<Consumer>): Promise<Report> {
    const consumer = await open(this.#taking);
    try {
      if (this.#request.max !== 0) await this.#takeFrom(consumer);
      if ((consumer.unseen ?? 0) > 0) this.#isComplete = false;
    } catch (error) {
      this.#breakOff(error);
    } finally {
      this.#over.abort();
      await this.#inTheAir.none();
      // Gives back, in order, the messages that are held.
      await consumer.close().catch((error: unknown) => this.#breakOff(error));
    }
    // The outcome of that message is unknown, so there is no report to make.
    if (this.#bug !== null) throw this.#bug.error;
    if (this.#broken !== null && this.#tally.seen === 0) throw this.#broken;
    return this.#report();
  }

  async #takeFrom(consumer: Consumer): Promise<void> {
    const pages = this.#request.byPage ? consumer.pages?.() : undefined;
    if (pages === undefined) {
      for await (const delivery of consumer) if (!(await this.#take(delivery))) return;
      return;
    }
    for await (const page of pages) {
      const areSentTogether = page.deliveries.every(
        ({ message, stays }) => stays === undefined && !this.#isNewer(message),
      );
      if (areSentTogether) {
        if (!(await this.#takePage(page))) return;
      } else for (const delivery of page.deliveries) if (!(await this.#take(delivery))) return;
    }
  }

  /** False: nothing more is taken. */
  async #take(delivery: Delivery): Promise<boolean> {
    const { selection, max } = this.#request;
    this.#tally.seen += 1;
    if (this.#isNewer(delivery.message)) {
      this.#leave(delivery);
      return !this.#tooManyAreNewer();
    }
    await selection.learn(delivery.message);
    const verdict = selection.verdict(delivery.message);
    await selection.turn();
    if (verdict === 'leave') {
      this.#leave(delivery);
      this.#progress();
      return true;
    }
    this.#tally.matched += 1;
    if (verdict !== 'take') this.#skip(delivery, verdict.skip);
    else if (delivery.stays !== undefined) await this.#stay(delivery, delivery.stays);
    else {
      if (!(await this.#roomInTheAir())) {
        // It was taken from the broker but not sent. It goes back, so it does not count as matched.
        this.#unmatch();
        return false;
      }
      void this.#send(delivery);
      this.#taken += 1;
    }
    return this.#taken !== max;
  }

  /** False: nothing more is taken. */
  async #takePage(page: DeliveryPage): Promise<boolean> {
    const count = page.deliveries.length;
    this.#tally.seen += count;
    if (!(await this.#roomInTheAir())) {
      this.#tally.left += count;
      return false;
    }
    this.#tally.matched += count;
    this.#taken += count;
    void this.#sendPage(page);
    return this.#taken !== this.#request.max;
  }

  /** It came after the start, and the depth at the start is not exact. */
  #isNewer({ enqueuedAt }: Message): boolean {
    const { notAfter } = this.#request;
    return notAfter !== null && enqueuedAt !== null && enqueuedAt > notAfter;
  }

  #tooManyAreNewer(): boolean {
    this.#newer += 1;
    if (this.#newer < this.#request.window / 2) return false;
    this.#isPassedOver = true;
    this.#isComplete = false;
    return true;
  }

  /** Held until the consumer closes. */
  #hold({ receipt }: Delivery): void {
    receipt.hold?.();
  }

  #leave(delivery: Delivery): void {
    this.#hold(delivery);
    this.#tally.left += 1;
  }

  #skip(delivery: Delivery, reason: string): void {
    this.#hold(delivery);
    this.#tally.skip({ id: delivery.message.id, reason });
  }

  async #stay({ message, receipt }: Delivery, reason: string): Promise<void> {
    this.#tally.fail({ id: message.id, reason });
    await receipt.release();
    this.#progress();
  }

  /** True: one more may be in the air. False: nothing more may be sent. A promise only if it has to be waited for. */
  #roomInTheAir(): boolean | Promise<boolean> {
    if (this.#request.pacer !== null || this.#backOff.isWaiting || this.#inTheAir.isFull) return this.#waitForRoom();
    return !this.#taking.aborted;
  }

  async #waitForRoom(): Promise<boolean> {
    await this.#request.pacer?.next(this.#taking);
    await this.#backOff.clear(this.#taking);
    while (!this.#stop.signal.aborted && this.#inTheAir.isFull) await this.#inTheAir.oneLess();
    return !this.#taking.aborted;
  }

  async #send(delivery: Delivery): Promise<void> {
    const size = delivery.message.body.byteLength;
    this.#inTheAir.add(size);
    try {
      await this.#putAndSettle(delivery);
    } catch (error) {
      this.#bug ??= { error };
      this.#stop.abort();
    } finally {
      this.#inTheAir.remove(size);
    }
  }

  async #sendPage(page: DeliveryPage): Promise<void> {
    const { deliveries } = page;
    const size = deliveries.reduce((sum, { message }) => sum + message.body.byteLength, 0);
    this.#inTheAir.add(size, deliveries.length);
    try {
      const outcomes = (await this.#request.destination.putAll?.(deliveries.map(({ message }) => message))) ?? [];
      const isPlain = (outcome: PutOutcome | undefined) => outcome?.status === 'sent' && outcome.already !== true;
      const sent = deliveries.filter((_, index) => isPlain(outcomes[index]));
      if (sent.length > 0) await this.#sentPage(page, sent);
      for (const [index, delivery] of deliveries.entries()) {
        const outcome = outcomes[index];
        if (!isPlain(outcome)) await this.#settle(delivery, outcome ?? { status: 'unknown', reason: 'no answer' });
      }
      this.#progress();
    } catch (error) {
      this.#bug ??= { error };
      this.#stop.abort();
    } finally {
      this.#inTheAir.remove(size, deliveries.length);
    }
  }

  async #sentPage(page: DeliveryPage, sent: readonly Delivery[]): Promise<void> {
    this.#backOff.succeeded();
    this.#failures.end();
    const faults = await page.ackAll(sent);
    for (const [index, { message }] of sent.entries()) {
      const fault = faults[index];
      if (fault === null) this.#tally.moved += 1;
      else this.#notRemoved(message, fault);
    }
  }

  /** By an outcome that came with others. One that was refused for now is sent again by itself. */
  async #settle(delivery: Delivery, outcome: PutOutcome): Promise<void> {
    if (outcome.status === 'failed' && outcome.again === true) {
      const isWorthIt = await this.#backOff.refused(outcome.reason, this.#taking);
      if (isWorthIt) return await this.#putAndSettle(delivery);
      if (this.#request.signal.aborted) return this.#putBack(delivery);
    }
    await this.#settleBy(delivery, outcome);
  }

  #putBack(delivery: Delivery): void {
    this.#hold(delivery);
    this.#unmatch();
  }

  async #putAndSettle(delivery: Delivery): Promise<void> {
    const outcome = await this.#put(delivery.message);
    if (outcome === null) this.#putBack(delivery);
    else await this.#settleBy(delivery, outcome);
  }

  async #settleBy(delivery: Delivery, outcome: PutOutcome): Promise<void> {
    if (outcome.status === 'sent') await this.#sent(delivery, outcome.already === true);
    else if (outcome.status === 'not-taken') await this.#notTaken(delivery);
    else if (outcome.status === 'unknown') this.#doubt(delivery, outcome.reason);
    else await this.#failed(delivery, outcome);
    this.#progress();
  }

  /**
   * Sends. Sends again if the message was certainly not stored and may succeed later. Null: interrupted meanwhile, and
   * not stored.
   */
  async #put(message: Message): Promise<PutOutcome | null> {
    for (;;) {
      const outcome = await this.#request.destination.put(message);
      if (outcome.status === 'sent') this.#backOff.succeeded();
      if (outcome.status !== 'failed' || outcome.again !== true) return outcome;
      if (!(await this.#backOff.refused(outcome.reason, this.#taking)))
        return this.#request.signal.aborted ? null : outcome;
    }
  }

  async #sent(delivery: Delivery, already: boolean): Promise<void> {
    const { removes, to } = this.#request;
    if (already) this.#alreadyThere += 1;
    if (already && !removes) return this.#skip(delivery, `is in ${to.join(', ')} already`);
    this.#failures.end();
    if (!removes) {
      this.#hold(delivery);
      this.#tally.moved += 1;
      return;
    }
    try {
      await delivery.receipt.ack();
      this.#tally.moved += 1;
    } catch (error) {
      this.#notRemoved(delivery.message, error);
    }
  }

  #notRemoved({ id }: Message, error: unknown): void {
    const doubt = `its removal is not certain: ${reasonOf(error)}`;
    const isStored = this.#request.destination.keeps !== false;
    this.#tally.doubt({ id, reason: isStored ? `stored, but ${doubt}` : doubt });
    this.#end();
  }

  async #notTaken({ receipt }: Delivery): Promise<void> {
    this.#unmatch();
    await receipt.release().catch(() => {});
    this.#end();
  }

  #doubt(delivery: Delivery, reason: string): void {
    this.#hold(delivery);
    this.#tally.doubt({ id: delivery.message.id, reason });
    this.#end();
  }

  async #failed(delivery: Delivery, outcome: Extract<PutOutcome, { status: 'failed' }>): Promise<void> {
    const { message, receipt } = delivery;
    const { onFailure, window } = this.#request;
    this.#tally.fail({ id: message.id, reason: outcome.reason }, outcome.code);
    const inARow = this.#failures.one(outcome.batch);
    if (onFailure === 'hold') {
      this.#hold(delivery);
      this.#heldFailures += 1;
      if (inARow >= FAILURES_IN_A_ROW || this.#heldFailures >= window / 2) this.#end();
      return;
    }
    // A message that cannot be held stays in its place and is passed over.
    const isEndless = message.receiveCount === null && receipt.hold !== undefined;
    if (onFailure === 'release-counted' && isEndless) return this.#hold(delivery);
    await this.#pauseBeforeRetry(message.receiveCount ?? (isEndless ? inARow : 1));
    await receipt.release({ failure: outcome.reason }).catch(() => {});
  }

  async #pauseBeforeRetry(attempts: number): Promise<void> {
    const pauseMs = retryPauseMs(attempts);
    if (pauseMs === 0) return;
    if (!this.#isPauseTold)
      this.#request.notice(`${attempts} attempts have failed: from now on, mq pauses before each attempt`);
    this.#isPauseTold = true;
    await this.#clock.sleep(pauseMs, AbortSignal.any([this.#taking, this.#over.signal]));
  }

  /** It was counted as matched, and goes back after all. */
  #unmatch(): void {
    this.#tally.matched -= 1;
    this.#tally.left += 1;
  }

  /** Nothing more is taken. */
  #end(): void {
    this.#stop.abort();
    this.#isComplete = false;
  }

  #breakOff(error: unknown): void {
    this.#broken ??= error;
    this.#isComplete = false;
  }

  #progress(): void {
    const tally = this.#tally;
    this.#request.onProgress({
      done: tally.moved + tally.skipped + tally.failed + tally.unknown + tally.left,
      total: this.#total,
      elapsedMs: tally.elapsedMs,
    });
  }

  #report(): Report {
    const { operation, from, to, guarantee, removes, selection, signal, notice } = this.#request;
    const [newer, already] = [this.#newer, this.#alreadyThere];
    if (newer > 0) {
      const behind = this.#isPassedOver ? '; older ones may be behind them' : '';
      const were = newer === 1 ? 'was' : 'were';
      notice(`${counted(newer, 'message')} came to ${from} after the start, and ${were} left${behind}`);
    }
    if (already > 0 && removes) {
      const messages = counted(already, 'message was', 'messages were');
      notice(`${messages} in ${to.join(', ')} already, from a run that broke off`);
    }
    if (this.#broken !== null) notice(`stopped: ${reasonOf(this.#broken)}; what was not moved is still in ${from}`);
    for (const remark of selection.remarks()) notice(remark);
    const complete = this.#isComplete && !signal.aborted && !selection.undecided;
    return this.#tally.close({ operation, from, to, guarantee, dryRun: false, native: false, complete });
  }
}
