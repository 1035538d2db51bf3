import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from '../../change/guard.ts';
import type { ChangeRecord } from '../../change/record.ts';
import { rememberProject } from '../../config/known-projects.ts';
import type { Settings } from '../../config/load.ts';
import type { Secrets } from '../../config/redact.ts';
import { findContext, resolveTarget, type Target } from '../../config/target.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import { Deadline } from '../../core/deadline.ts';
import type { ExitCode } from '../../core/exit-codes.ts';
import { isGlob } from '../../core/name-pattern.ts';
import type { Host, Output } from '../host/host.ts';
import type { NamedQueue } from '../line/addressing.ts';
import type { Globals, OutputFormat } from '../line/globals.ts';
import { withoutUrls } from '../line/queue-words.ts';
import { Messages } from './messages.ts';
import { withNearestQueue } from './nearest-queue.ts';
import { paint, type Style } from './paint.ts';

/**
 * How long to wait for a broker to close after a call on it was given up. That took a second already, and everything
 * has to end within 2 s.
 */
const CLOSING_MS = 300;

export type RunCommandLine = (args: readonly string[], host: Host) => Promise<ExitCode>;

export interface SessionParts {
  readonly host: Host;
  readonly globals: Globals;
  readonly secrets: Secrets;
  readonly runCommandLine: RunCommandLine;
  readonly settings: Settings;
  /** The context that the queues of the line name (`orders@prod`). */
  readonly context: string | null;
  /** `--output` came from the line and not from a default, so a verb without that format refuses. */
  readonly outputIsAsked: boolean;
  /** `--timeout` is not just its default. */
  readonly timeoutIsAsked: boolean;
  /** The queues on the line: see `OpenOptions.expects`. */
  readonly queues: readonly NamedQueue[];
}

/** One run of one verb: the host, the global options, and everything that is derived from both. */
export class Session {
  readonly host: Host;
  readonly globals: Globals;
  readonly secrets: Secrets;
  readonly settings: Settings;
  readonly messages: Messages;
  /** Runs another command line, as `demo` does. */
  readonly runCommandLine: RunCommandLine;
  /** The demands of the contexts; null for a verb or a run that changes nothing. */
  guard: Guard | null = null;
  /** The entry for the history; null for a verb or a run that changes nothing. */
  change: ChangeRecord | null = null;
  readonly #parts: SessionParts;
  #ownTarget: Target | null = null;
  /** A call did not end when it was told to: then closing its broker may not end either. */
  #hasGivenUp = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.runCommandLine = parts.runCommandLine;
    this.host = parts.host;
    this.globals = parts.globals;
    this.secrets = parts.secrets;
    this.settings = parts.settings;
    this.messages = new Messages(parts.host.stderr, parts.globals, parts.secrets);
  }

  /** The same run with other settings, for a verb that reads them itself. */
  withSettings(settings: Settings): Session {
    return new Session({ ...this.#parts, settings });
  }

  get signal(): AbortSignal {
    return this.host.signal;
  }

  /**
   * The output format that was asked for, checked against those of the verb. The first of them is its default. Throws
   * `USAGE`.
   */
  format<F extends OutputFormat>(...formats: readonly [F, ...F[]]): F {
    const format = this.#formatAmong(formats);
    if (this.globals.columns !== undefined && format !== 'table') {
      throw new MqError('USAGE', `--columns is for tables, and ${format} is not a table`, {
        hint: formats.some((candidate) => candidate === 'table') ? 'use -o table, or choose fields with jq' : undefined,
      });
    }
    return format;
  }

  #formatAmong<F extends OutputFormat>(formats: readonly [F, ...F[]]): F {
    const asked = this.globals.output;
    if (asked === undefined) return formats[0];
    const format = formats.find((candidate) => candidate === asked);
    if (format !== undefined) return format;
    if (!this.#parts.outputIsAsked) return formats[0];
    throw new MqError('USAGE', `-o ${asked} does not fit this command`, { hint: `it has ${formats.join(', ')}` });
  }

  /**
   * The broker of the command, or of a reference: a URL or `@context`. Throws `CONFIG_INVALID`, `CONTEXT_NOT_FOUND` or
   * `USAGE`.
   */
  target(reference?: string): Target {
    if (reference === undefined) {
      this.#ownTarget ??= this.#resolve(this.globals.url ?? null, this.#ownContext());
      return this.#ownTarget;
    }
    return reference.startsWith('@') ? this.#resolve(null, reference.slice(1)) : this.#resolve(reference, null);
  }

  #resolve(url: string | null, context: string | null): Target {
    return resolveTarget({ url, context }, this.settings, this.host.env, this.secrets);
  }

  /** `--context`, which an `@context` of a queue must not contradict. */
  #ownContext(): string | null {
    const [flag, ...others] = this.globals.context ?? [];
    if (others.length > 0)
      throw new MqError('USAGE', 'this command works on one broker', { hint: 'give --context once' });
    if (flag === undefined) return this.#parts.context;
    const { name } = findContext(this.settings, flag);
    if (this.#parts.context !== null && this.#parts.context !== name) {
      throw new MqError('USAGE', `--context ${name} and @${this.#parts.context} name two brokers`, {
        hint: `for a queue whose name ends with @${this.#parts.context} write QUEUE@${this.#parts.context}@${name}`,
      });
    }
    return name;
  }

  /**
   * Runs a call that answers once. Its signal aborts with the rest, or with `TIMEOUT` if the broker has not answered
   * within `--timeout`. The deadline ends with the call: a handle that keeps the signal is not cut off later.
   */
  async within<T>(operation: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new Deadline(operation, this.globals.timeout, this.signal);
    try {
      return await deadline.watch(() => call(deadline.signal));
    } catch (error) {
      deadline.throwIfOver();
      throw error;
    } finally {
      this.#hasGivenUp ||= deadline.isGivenUp;
    }
  }

  /**
   * Like `within`, for answers that come one after the other: each may take as long. This also holds for the partial
   * answers that are reported to `onAnswer` before the first item. The caller's own time between them does not count.
   */
  async *eachWithin<T>(
    operation: string,
    open: (signal: AbortSignal, onAnswer: () => void) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const deadline = new Deadline(operation, this.globals.timeout, this.signal);
    const items = open(deadline.signal, () => deadline.restart())[Symbol.asyncIterator]();
    try {
      for (;;) {
        const item = await deadline.watch(() => items.next());
        if (item.done === true) break;
        yield item.value;
      }
    } finally {
      this.#hasGivenUp ||= deadline.isGivenUp;
      // Closing it would wait for the answer that was given up.
      if (!deadline.isGivenUp) await items.return?.();
    }
    // An aborted iteration may just end, and a part must not look like the whole.
    deadline.throwIfOver();
  }

  /** The notices of operations while they work. */
  readonly notice = (text: string): void => this.messages.note(text);

  /** Opens the broker, does the work, and closes the broker whatever happens. */
  async withBroker<T>(work: (broker: Broker) => Promise<T>, target: Target = this.target()): Promise<T> {
    const role = target === this.target() ? 'from' : 'to';
    const expected = this.#parts.queues.find((named) => named.role === role && !isGlob(named.queue));
    const opened = await this.host.openBroker(await target.connectionUrl(this.signal), {
      ...(expected === undefined ? {} : { expects: expected.queue }),
      connectTimeoutMs: this.globals.connectTimeout,
      timeoutMs: this.globals.timeout,
      isTimeoutAsked: this.#parts.timeoutIsAsked,
      notice: this.notice,
      signal: this.signal,
    });
    const { settings } = target;
    if (settings?.isFromProject === true) rememberProject(this.settings.places, settings);
    const named = withoutUrls(opened);
    const broker = this.guard === null ? named : this.guard.watch(named, target.settings);
    if (target === this.target() || target.base === this.target())
      this.change?.learnBroker(broker.name, broker.address);
    this.messages.verbose(1, `connected to ${broker.name} at ${broker.address}`);
    try {
      return await work(broker);
    } catch (error) {
      throw await withNearestQueue(error, broker, this.signal);
    } finally {
      const closing = broker.close();
      if (!this.#hasGivenUp) await closing;
      else await Promise.race([closing, sleep(CLOSING_MS)]).catch(() => {});
    }
  }

  paint(output: Output, style: Style, text: string): string {
    return paint(output, this.globals.color, style, text);
  }
}
