import type { Secrets } from '../config/redact.ts';
import { resolveTarget, type Target } from '../config/target.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { Deadline } from './deadline.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Globals, OutputFormat } from './globals.ts';
import type { Host, Output } from './host.ts';
import { Messages } from './messages.ts';
import { paint, type Style } from './output/paint.ts';

export type RunCommandLine = (args: readonly string[], host: Host) => Promise<ExitCode>;

/** One run of one verb: the host, the global options, and what is made from both. */
export class Session {
  readonly host: Host;
  readonly globals: Globals;
  readonly secrets: Secrets;
  readonly messages: Messages;

  /** Runs another command line, as `demo` does. */
  readonly runCommandLine: RunCommandLine;

  constructor(host: Host, globals: Globals, secrets: Secrets, runCommandLine: RunCommandLine) {
    this.runCommandLine = runCommandLine;
    this.host = host;
    this.globals = globals;
    this.secrets = secrets;
    this.messages = new Messages(host.stderr, globals, secrets);
  }

  get signal(): AbortSignal {
    return this.host.signal;
  }

  /** The asked output format, checked against those that the verb has; the first of them is its default. */
  format<F extends OutputFormat>(...formats: readonly [F, ...F[]]): F {
    const asked = this.globals.output;
    if (asked === undefined) return formats[0];
    const format = formats.find((candidate) => candidate === asked);
    if (format === undefined) {
      throw new MqError('USAGE', `-o ${asked} does not fit this command`, { hint: `it has ${formats.join(', ')}` });
    }
    return format;
  }

  target(url: string | undefined = this.globals.url): Target {
    const target = resolveTarget(url, this.host.env);
    this.secrets.learnUrl(target.url);
    return target;
  }

  /**
   * Runs a call that answers once, with a signal that aborts with the rest, or with `TIMEOUT` when the broker has not answered within
   * `--timeout`. The deadline ends with the call: a handle that keeps the signal is not cut off later.
   */
  async within<T>(operation: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new Deadline(operation, this.globals.timeout);
    try {
      return await deadline.watch(() => call(AbortSignal.any([this.signal, deadline.signal])));
    } catch (error) {
      deadline.throwIfOver();
      throw error;
    }
  }

  /** As `within`, for answers that come one after the other: each may take as long. What the caller does between them does not count. */
  async *eachWithin<T>(operation: string, open: (signal: AbortSignal) => AsyncIterable<T>): AsyncGenerator<T> {
    const deadline = new Deadline(operation, this.globals.timeout);
    const items = open(AbortSignal.any([this.signal, deadline.signal]))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const item = await deadline.watch(() => items.next());
        if (item.done === true) break;
        yield item.value;
      }
    } finally {
      await items.return?.();
    }
    // An iteration that is aborted may just end, and a part must not look like the whole.
    deadline.throwIfOver();
  }

  /** What operations say while they work. */
  readonly notice = (text: string): void => this.messages.note(text);

  /** Opens the broker, does the work, and closes the broker whatever happens. */
  async withBroker<T>(work: (broker: Broker) => Promise<T>, target: Target = this.target()): Promise<T> {
    const broker = await this.host.openBroker(target.url, {
      connectTimeoutMs: this.globals.connectTimeout,
      notice: this.notice,
      signal: this.signal,
    });
    this.messages.verbose(1, `connected to ${broker.name} at ${broker.address}`);
    try {
      return await work(broker);
    } finally {
      await broker.close();
    }
  }

  paint(output: Output, style: Style, text: string): string {
    return paint(output, this.globals.color, style, text);
  }
}
