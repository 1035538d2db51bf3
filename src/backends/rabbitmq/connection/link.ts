import type { Channel, ChannelModel, SocketOptions } from 'amqplib';
import { type MqError, throwIfAborted } from '../../../contract/errors.ts';
import { orAborted } from '../../common/waits.ts';
import { brokerError, connectError, isVhostRefused, replyCode, vhostRefused } from '../errors.ts';
import type { Address } from '../url.ts';
import { type ChannelAtOnce, channelAtOnce, selectConfirms } from '../wire/at-once.ts';
import { Tap } from '../wire/tap.ts';
import { Answers, LOOK_MS, type Questions, questionsOn, silence } from './answers.ts';
import type { Patience } from './patience.ts';
import { whyRefused } from './refusal.ts';
import { trustMaterial } from './trust-material.ts';

export interface LinkOptions {
  readonly connectTimeoutMs: number;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** As many questions as are asked at the same time. */
const MOST_IDLE = 8;

/** The version of a server as two numbers, `[4, 3]`. */
export type Version = readonly [number, number];

/** One AMQP connection. Channels come from amqplib; messages go through `tap`. */
export class Link {
  readonly tap: Tap;
  /** The answers that are waited for. */
  readonly answers: Answers;
  readonly version: Version;
  /** Text such as `3.10.8`. */
  readonly product: string;
  /** The name of the cluster; null: the broker does not say. */
  readonly cluster: string | null;
  readonly #model: ChannelModel;
  readonly #lost: AbortController;
  readonly #closing = new AbortController();
  #blockedBy: string | null = null;
  readonly #blockedListeners = new Set<(reason: string | null) => void>();
  /** Open channels on which a question was answered: the next question needs no new one. */
  readonly #idle: OpenChannel[] = [];

  private constructor(model: ChannelModel, patience: Patience) {
    this.#model = model;
    const tap = new Tap(model);
    this.tap = tap;
    const version = serverProperty(model, 'version') ?? '';
    this.cluster = serverProperty(model, 'cluster_name');
    this.product = version;
    this.version = parseVersion(version);
    const lost = new AbortController();
    this.#lost = lost;
    this.answers = new Answers({
      patience,
      heardAt: () => tap.heardAt,
      isPaused: () => tap.isPaused,
      blockedBy: () => this.#blockedBy,
      onSilence: (error) => tap.cut(error),
      lost: lost.signal,
    });
    let cause: unknown = null;
    model.on('error', (error: Error) => {
      cause = error;
    });
    model.on('close', (error?: Error) => lost.abort(brokerError(error ?? cause)));
    model.on('blocked', (reason: string) => this.#blocked(reason));
    model.on('unblocked', () => this.#blocked(null));
  }

  /** Throws `UNAVAILABLE`, `UNAUTHENTICATED`, `CONFIG_INVALID`, `TIMEOUT`, `ABORTED`. */
  static async open(address: Address, { connectTimeoutMs, patience, signal }: LinkOptions): Promise<Link> {
    throwIfAborted(signal);
    const [{ connect }, trust] = await Promise.all([import('amqplib'), trustMaterial(address)]);
    const socket: SocketOptions = {
      // The time between two pieces of the broker's answers until the connection is open.
      timeout: Math.min(address.tuning.connectTimeoutMs ?? connectTimeoutMs, connectTimeoutMs, patience.answerMs),
      noDelay: true,
      clientProperties: { connection_name: 'mq' },
      ...trust,
    };
    const { heartbeatS, channelMax } = address.tuning;
    const target = {
      ...(heartbeatS !== null && { heartbeat: heartbeatS }),
      ...(channelMax !== null && { channelMax }),
      protocol: address.tls ? 'amqps' : 'amqp',
      hostname: address.host,
      port: address.port,
      username: address.user,
      password: address.password,
      // amqplib also percent-decodes the vhost of an options object.
      vhost: encodeURIComponent(address.vhost),
      // The largest that the server allows: a header table must fit into one frame.
      frameMax: 0,
    };
    const opening = connect(target, socket).then((model) => new Link(model, patience));
    const hurry = new AbortController();
    const startedAt = performance.now();
    // The caller that opens it may have a signal that no interruption aborts.
    const looking = setInterval(() => {
      if (patience.isHurriedPast(startedAt, startedAt)) hurry.abort(silence(patience.answerMs));
    }, LOOK_MS);
    try {
      return await orAborted(opening, AbortSignal.any([signal, hurry.signal]), (link) => link.close());
    } catch (error) {
      const told = isVhostRefused(error)
        ? vhostRefused(await orAborted(whyRefused(address, trust), signal), address)
        : connectError(error, address);
      if (told.code === 'TIMEOUT') patience.hurry(0);
      throw told;
    } finally {
      clearInterval(looking);
    }
  }

  /** Aborts with an `MqError` when the connection is gone, whichever side closed it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Aborts when `close` is called, while frames that are written then still come before the closing. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Why the broker blocks publishers on this connection; null: it does not. */
  get blockedBy(): string | null {
    return this.#blockedBy;
  }

  onBlocked(listener: (reason: string | null) => void): void {
    this.#blockedListeners.add(listener);
  }

  /** A listener's argument of null means that publishing continues. */
  #blocked(reason: string | null): void {
    this.#blockedBy = reason;
    for (const listener of this.#blockedListeners) listener(reason);
  }

  /** Its own channel for one task. Errors of the broker reject the call that caused them. */
  async channel(): Promise<OpenChannel> {
    const { channel, opened } = await this.#fresh();
    try {
      await this.answers.of(opened);
      return new OpenChannel(channel, this.answers);
    } catch (error) {
      throw this.#why(error);
    }
  }

  /** A channel on which the broker confirms every message. */
  async confirmChannel(): Promise<OpenChannel> {
    const { channel, opened } = await this.#fresh();
    try {
      await this.answers.of(Promise.all([opened, selectConfirms(channel)]));
      return new OpenChannel(channel, this.answers);
    } catch (error) {
      throw this.#why(error);
    }
  }

  /** Runs `task` on a channel that no other task uses meanwhile. */
  async onChannel<Result>(
    where: { readonly operation: string; readonly queue?: string },
    task: (channel: Questions) => Promise<Result>,
  ): Promise<Result> {
    const open = this.#idle.pop() ?? new OpenChannel((await this.#fresh()).channel, this.answers);
    try {
      const result = await task(open.amqp);
      if (this.#idle.length < MOST_IDLE) this.#idle.push(open);
      else await open.close();
      return result;
    } catch (error) {
      await open.close();
      // A connection-level error (540) rejects the call with only amqplib's own words.
      throw brokerError(
        this.#lost.signal.aborted && replyCode(error) === null ? this.#lost.signal.reason : error,
        where,
      );
    }
  }

  async #fresh(): Promise<ChannelAtOnce> {
    try {
      return await channelAtOnce(this.#model);
    } catch (error) {
      if (this.#idle.length === 0 || this.#lost.signal.aborted) throw this.#why(error);
    }
    // The connection may have too few for these, too.
    await Promise.all(this.#idle.splice(0).map((open) => open.close()));
    return await channelAtOnce(this.#model).catch((error: unknown) => Promise.reject(this.#why(error)));
  }

  #why(error: unknown): MqError {
    return brokerError(this.#lost.signal.aborted ? this.#lost.signal.reason : error);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#lost.signal.aborted) return;
    this.#closing.abort();
    this.tap.resume();
    await this.answers.of(this.#model.close()).catch(() => undefined);
  }
}

/** An amqplib channel. If the broker closes it, that is kept as a reason, and is not an unhandled error. */
export class OpenChannel {
  readonly amqp: Questions;
  readonly number: number;
  readonly #channel: Channel;
  readonly #answers: Answers;
  readonly #gone = new AbortController();

  constructor(amqp: Channel, answers: Answers) {
    this.#channel = amqp;
    this.#answers = answers;
    this.amqp = questionsOn(amqp, answers);
    this.number = (amqp as unknown as { readonly ch: number }).ch;
    let cause: unknown = null;
    amqp.on('error', (error: Error) => {
      cause = error;
    });
    amqp.on('close', () => this.#gone.abort(cause));
  }

  /** Aborts when the channel is closed. The reason is amqplib's error, or null if there was none. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#gone.signal.aborted) return;
    await this.#answers.of(this.#channel.close()).catch(() => undefined);
  }
}

function serverProperty(model: ChannelModel, name: 'version' | 'cluster_name'): string | null {
  const properties: Readonly<Record<string, unknown>> = model.connection.serverProperties;
  const value = properties[name];
  return typeof value === 'string' ? value : null;
}

/** An unknown version counts as the oldest supported one, whose peek works everywhere below 4.3. */
function parseVersion(text: string): Version {
  const [major, minor] = text.split('.').map(Number);
  return Number.isInteger(major) && Number.isInteger(minor) ? [major ?? 3, minor ?? 10] : [3, 10];
}

export function atLeast(version: Version, major: number, minor: number): boolean {
  return version[0] > major || (version[0] === major && version[1] >= minor);
}
