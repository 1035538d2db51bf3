import { BuiltProgram } from '../built-program.ts';
import type { Figure, RateLedger } from './rate-ledger.ts';

/** What `mq top -o ndjson` says of a queue at one instant. */
export interface Shown {
  readonly queue: string;
  /** Milliseconds since the epoch. */
  readonly sampledAt: number;
  readonly ready: number | null;
  readonly rates: Readonly<Record<Figure | 'windowMs', number | null>>;
}

/** Longer than any of these takes on a busy machine. */
const PATIENCE_MS = 90_000;

/** A load that goes on in ticks, and the lines that `mq top` prints of its queue once a second meanwhile. */
export class WatchedLoad implements AsyncDisposable {
  readonly shown: Shown[] = [];
  readonly ledger: RateLedger;
  readonly #program: BuiltProgram;
  readonly #working: Promise<void>;
  readonly #stop = new AbortController();
  #between: (() => Promise<void>) | null = null;
  #wake: () => void = () => {};
  #failure: Error | null = null;

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ledger: RateLedger,
    tickMs: number,
    tick: () => Promise<void>,
  ) {
    this.ledger = ledger;
    this.#working = this.#work(tickMs, tick).catch((error: Error) => this.#fail(error));
    this.#program = new BuiltProgram(['top', ...args, '--interval', '1s', '-o', 'ndjson'], env);
    let rest = '';
    this.#program.child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { queue, sampledAt, ready, rates } = JSON.parse(line);
        this.shown.push({ queue, sampledAt: Date.parse(sampledAt), ready, rates });
      }
      this.#wake();
    });
    void this.#program.finished.then(({ stderr }) => this.#fail(new Error(`mq top has ended: ${stderr}`)));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async #work(tickMs: number, tick: () => Promise<void>): Promise<void> {
    const started = performance.now();
    for (let count = 1; !this.#stop.signal.aborted; count++) {
      await this.#between?.();
      await tick();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, started + count * tickMs - performance.now())));
    }
  }

  /** Does something while the load rests. Resolves with the instant at which it was begun. */
  async between(action: () => Promise<unknown>): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#between = async () => {
      this.#between = null;
      const begun = Date.now();
      await action().then(() => resolve(begun), reject);
    };
    return promise;
  }

  /** The lines that fit, once there are so many. */
  async until(fits: (shown: Shown) => boolean, count: number): Promise<readonly Shown[]> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = this.shown.filter(fits);
      if (found.length >= count) return found;
      if (this.#failure !== null) throw this.#failure;
      const left = end - Date.now();
      if (left <= 0)
        throw new Error(
          `only ${found.length} of these lines fit:\n${this.shown.map((one) => JSON.stringify(one)).join('\n')}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#program.kill('SIGTERM');
    await Promise.all([this.#working, this.#program.finished]);
  }
}
