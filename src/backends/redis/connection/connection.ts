import type { Command, Redis } from 'ioredis';
import { isMqError, MqError, throwIfAborted } from '../../../contract/errors.ts';
import { Fresh } from '../../common/fresh.ts';
import { orAborted } from '../../common/waits.ts';
import { isRefusal, isSilence, redisError } from '../errors.ts';
import type { RedisSettings } from '../url.ts';
import { type Answer, replies, settle } from './answer.ts';
import type { Argument, Call } from './call.ts';
import { type Client, createClient, type Library, type Patience } from './client.ts';
import { cutSubscriber, mastersOf, type NodeAddress, refuseWithoutMasters, unreachable } from './cluster.ts';
import { ClusterNodes, type SilentNode } from './cluster-nodes.ts';
import { connectError, tooLate } from './connect-errors.ts';
import { checkGreeting, greetingFor, isClusterBy, MAY_REFUSE } from './greeting.ts';
import { Line, type LineFault, lineError } from './line.ts';
import { sendManyTimes } from './repeated-command.ts';
import { asInteger, asName, asText } from './reply.ts';
import { within } from './within.ts';

export type { Argument, Call } from './call.ts';

/** Calls that are already encoded. */
export interface WrittenCalls {
  readonly name: string;
  readonly key: string;
  readonly count: number;
}

export interface CallPlace {
  readonly operation: string;
  readonly queue?: string | undefined;
  /** Replies as bytes instead of text. */
  readonly bytes?: boolean;
  /** Reading is abandoned when this aborts. Leave it out for a change: then what is in the air is still told. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One connection to a server, to a master found by Sentinel, or to a cluster. It is tuned for one-shot commands:
 * nothing is sent before it is needed, queued while offline, or sent twice. A connection that was cut stays closed
 * until the next call, which connects again.
 *
 * Every wait ends. A line that brings nothing for `timeoutMs` while an answer is awaited is cut, and sooner if the
 * signal that it was opened with aborts. Calls in the air then have no answer. Calls right after that are refused at
 * once, so that the end of a run does not wait for the same silence again.
 */
export class Connection {
  readonly settings: RedisSettings;
  readonly #client: Client;
  readonly #command: typeof Command;
  readonly #patience: Patience;
  readonly #lines = new Set<Line>();
  /** Only for a cluster. */
  readonly #nodes: ClusterNodes | null;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => {
    for (const line of this.#lines) line.hurry();
  };
  #lastError: unknown = null;
  #fault: { readonly fault: LineFault; readonly at: number } | null = null;
  #closed = false;
  /** How often it has connected. */
  connects = 0;
  /** The answers to the questions that `open` was given. */
  early: Fresh<{ readonly calls: readonly Call[]; readonly answers: readonly Answer[] }> | null = null;

  private constructor(
    settings: RedisSettings,
    ioredis: Library,
    patience: Patience,
    signal: AbortSignal,
    nodes: ClusterNodes | null = null,
  ) {
    this.#nodes = nodes;
    this.settings = settings;
    this.#client = createClient(ioredis, settings, patience);
    this.#command = ioredis.Command;
    this.#patience = patience;
    this.#signal = signal;
    const client = this.#client;
    // Without a listener ioredis prints the error object, which may hold the password.
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
    if ('nodes' in client) {
      client.on('+node', (node: Redis) => this.#watch(node));
      client.on('node error', (error: unknown) => {
        if (isSilence(error)) this.#lastError = error;
      });
    } else this.#watch(client);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  #watch(node: Redis): void {
    const isAlone = !('nodes' in this.#client);
    const line = new Line(node, (fault) => {
      // The other nodes of a cluster may still answer.
      if (isAlone || fault === 'out-of-step') this.#fault = { fault, at: performance.now() };
    });
    this.#lines.add(line);
    this.#nodes?.watch(node);
    if (this.#signal.aborted) line.hurry();
  }

  /**
   * Connects and logs in; to all nodes of a cluster, even if the URL does not say that it is one. `first`: questions
   * that a single server is asked in the same write, see `early`. Throws `UNAVAILABLE`, `UNAUTHENTICATED`, `TIMEOUT`.
   */
  static async open(
    settings: RedisSettings,
    patience: Patience,
    signal: AbortSignal,
    first: readonly Call[] = [],
  ): Promise<Connection> {
    throwIfAborted(signal);
    const ioredis: Library = await import('ioredis');
    const endsAt = performance.now() + patience.connectTimeoutMs;
    const remaining = (): number => Math.max(1, endsAt - performance.now());
    const create = (one: RedisSettings, nodes: ClusterNodes | null = null): Connection =>
      new Connection(one, ioredis, patience, signal, nodes);
    if (settings.topology !== 'cluster') {
      const connection = create(settings);
      try {
        const hello = await connection.#connect(remaining(), signal, first);
        if (!(await connection.#isNodeOfCluster(hello, remaining()))) return connection;
      } catch (error) {
        connection.close();
        throw error;
      }
      connection.close();
    }
    let failure: unknown = null;
    for (const [index, host] of settings.hosts.entries()) {
      // A silent node must not use up the time of the others.
      const isLast = index === settings.hosts.length - 1;
      const ms = (): number => (isLast ? remaining() : Math.min(remaining(), REACH_MS, patience.timeoutMs / 3));
      try {
        const masters = await Connection.#mastersAt(host, settings, create, ms, signal);
        return await Connection.#openCluster(settings, masters, patience, create, remaining, signal);
      } catch (error) {
        failure ??= error;
        if (signal.aborted) throw error;
      }
    }
    throw failure;
  }

  static async #mastersAt(
    host: NodeAddress,
    settings: RedisSettings,
    create: (settings: RedisSettings) => Connection,
    ms: () => number,
    signal: AbortSignal,
  ): Promise<readonly NodeAddress[]> {
    const { address } = settings;
    const asked = create({ ...settings, hosts: [host], topology: 'single' });
    try {
      await asked.#connect(ms(), signal);
      const place = { operation: `connect to the cluster at ${address}`, signal };
      const slots = await within(asked.call(['CLUSTER', 'SLOTS'], place), ms(), () => tooLate(address, ms()));
      const masters = mastersOf(slots, host.host);
      refuseWithoutMasters(masters, address);
      return masters;
    } finally {
      asked.close();
    }
  }

  /**
   * The addresses of a cluster are its own, and may be reachable only from inside (containers, NAT). A node may also be
   * silent. Both are checked here, because the client library waits for ever for whichever node it asks.
   */
  static async #openCluster(
    settings: RedisSettings,
    masters: readonly NodeAddress[],
    patience: Patience,
    create: (settings: RedisSettings, nodes: ClusterNodes | null) => Connection,
    remaining: () => number,
    signal: AbortSignal,
  ): Promise<Connection> {
    const nodes = new ClusterNodes(
      async (host, ms) => {
        const one = create({ ...settings, hosts: [host], topology: 'single' }, null);
        try {
          await one.#connect(ms, signal);
        } finally {
          one.close();
        }
      },
      Math.min(patience.timeoutMs / 2, MOST_PATIENCE_MS),
    );
    const hosts = await nodes.reachable(masters, Math.min(remaining(), REACH_MS, patience.timeoutMs / 3));
    throwIfAborted(signal);
    if (hosts.length === 0) throw unreachable(masters, settings.address);
    const connection = create({ ...settings, hosts, topology: 'cluster' }, nodes);
    try {
      await connection.#connect(remaining(), signal);
      return connection;
    } catch (error) {
      connection.close();
      throw isMqError(error) && error.code === 'TIMEOUT' ? unreachable(masters, settings.address) : error;
    }
  }

  /** HELLO tells, or INFO if HELLO is not known or not allowed. Otherwise the server is what the URL says. */
  async #isNodeOfCluster(hello: Answer | null, ms: number): Promise<boolean> {
    if (hello === null) return false;
    const place = { operation: `connect to ${this.settings.address}`, signal: this.#signal };
    const told = isClusterBy(hello, place);
    if (told !== null) return told;
    try {
      const info = await within(this.call(['INFO', 'cluster'], place), ms, () => tooLate(this.settings.address, ms));
      return /^cluster_enabled:1/m.test(asText(info));
    } catch (error) {
      if (!isMqError(error) || !MAY_REFUSE.has(error.code)) throw error;
      return false;
    }
  }

  get isCluster(): boolean {
    return this.settings.topology === 'cluster';
  }

  /** The longest wait for one answer. */
  get timeoutMs(): number {
    return this.#patience.timeoutMs;
  }

  /** For bullmq, which takes a connected client. Closing stays here. */
  get client(): Client {
    return this.#client;
  }

  /** The answer to HELLO; null: it was not asked. */
  async #connect(timeoutMs: number, signal: AbortSignal, first: readonly Call[] = []): Promise<Answer | null> {
    const place = { operation: `connect to ${this.settings.address}` };
    const step = <T>(work: Promise<T>): Promise<T> =>
      within(orAborted(work, signal), timeoutMs, () => tooLate(this.settings.address, timeoutMs));
    try {
      this.#lastError = null;
      await step(this.#client.connect());
      this.connects += 1;
      // The nodes of a cluster were asked one by one.
      if (this.isCluster) return null;
      const greeting = greetingFor(this.settings);
      const answers = await step(this.#pipelined([...greeting, ...first], false));
      const hello = checkGreeting(greeting, answers);
      this.early = new Fresh({ calls: first, answers: answers.slice(greeting.length) });
      return hello;
    } catch (error) {
      if (isMqError(error)) throw error;
      // "Connection is closed" only repeats what the error event said.
      const cause = isRefusal(error) || this.#lastError === null ? error : this.#lastError;
      throw connectError(cause, place, this.settings.address);
    }
  }

  #send(client: Client, call: Call, bytes: boolean): Promise<unknown> {
    const [name, ...args] = call;
    const command = new this.#command(name, [...args], { replyEncoding: bytes ? null : 'utf8' });
    // Any node can answer a call without a key, but the library would ask a random one.
    const isForAny = 'nodes' in client && command.getKeys().length === 0;
    const to = isForAny ? (this.#nodes?.anyOf(client.nodes('master')) ?? client) : client;
    return to.sendCommand(command) as Promise<unknown>;
  }

  /** Before a call for keys on any node: a node that may be silent then costs one wait, not one for each key. */
  async resolveDoubts(signal: AbortSignal): Promise<void> {
    if (this.#nodes?.isInDoubt === true) await this.silentNodes(signal);
  }

  /**
   * Before a listing: the nodes of a cluster that give no answer. They are asked nothing until they answer again.
   * Throws if no node answers.
   */
  async silentNodes(signal: AbortSignal): Promise<readonly SilentNode[]> {
    const client = this.#client;
    if (!('nodes' in client) || this.#nodes === null) return [];
    await this.#ready('ask the nodes of the cluster');
    const masters = client.nodes('master');
    const silent = await orAborted(this.#nodes.look(masters), signal);
    const [first] = silent;
    if (first !== undefined && silent.length === masters.length) throw first.error;
    return silent;
  }

  async #ready(operation: string): Promise<void> {
    if (this.#closed) throw new MqError('UNAVAILABLE', 'the connection is closed', { backend: 'redis' });
    if (this.#fault !== null) {
      if (performance.now() - this.#fault.at < REFUSED_AFTER_FAULT_MS) throw this.#faultError(operation);
      this.#fault = null;
    }
    if (this.#client.status === 'end') {
      await this.#connect(Math.min(RECONNECT_TIMEOUT_MS, this.#patience.connectTimeoutMs), this.#signal);
    }
  }

  #faultError(operation: string): MqError {
    return lineError(this.#fault?.fault ?? 'silent', this.#patience.timeoutMs, operation);
  }

  /** A lost connection only repeats what caused the loss. */
  #explained(error: unknown, place: CallPlace): MqError {
    const isEcho = !isMqError(error) && !isRefusal(error);
    const on = place.queue === undefined ? '' : ` on ${place.queue}`;
    if (isEcho && this.#fault !== null) return this.#faultError(`${place.operation}${on}`);
    return redisError(error, place);
  }

  /**
   * After a time-out: a new connection, or `TIMEOUT` soon, if the server is silent on that, too. Only for reading: the
   * outcome of what was in the air is unknown.
   */
  async again(signal: AbortSignal): Promise<void> {
    if (this.isCluster) return;
    this.#fault = null;
    this.#client.disconnect();
    for (const line of this.#lines) line.cut();
    if (this.#client.status !== 'end') {
      await within(new Promise<void>((resolve) => this.#client.once('end', () => resolve())), REACH_MS, () =>
        tooLate(this.settings.address, REACH_MS),
      );
    }
    await this.#connect(Math.min(REACH_MS, this.#patience.connectTimeoutMs), signal);
  }

  /** One call. Throws an `MqError` that names the place. */
  async call(call: Call, place: CallPlace): Promise<unknown> {
    try {
      if (place.signal !== undefined) throwIfAborted(place.signal);
      await this.#ready(place.operation);
      const answer = this.#bounded(this.#send(this.#client, call, place.bytes ?? false), place);
      return await (place.signal === undefined ? answer : orAborted(answer, place.signal));
    } catch (error) {
      throw this.#explained(error, place);
    }
  }

  /**
   * Sends calls that are already encoded as one piece, with an answer for each. All of them name one key, which decides
   * where they go. More than one is not possible for a cluster, which may redirect each of them. `read` is called as
   * each answer arrives. Never rejects. Without a connection nothing was sent, which is as good as a refusal.
   */
  async written<T>(
    bytes: Buffer,
    calls: WrittenCalls,
    place: CallPlace,
    read: (answer: Answer) => T,
  ): Promise<readonly T[]> {
    try {
      await this.#ready(place.operation);
    } catch (error) {
      return new Array<T>(calls.count).fill(read({ ok: false, refused: true, error: redisError(error, place) }));
    }
    const command = new this.#command(calls.name, [calls.key], { replyEncoding: 'utf8' });
    if (calls.count === 1) {
      command.toWritable = () => bytes;
      return [read(await this.#settled(this.#client.sendCommand(command) as Promise<unknown>, place))];
    }
    if (!('stream' in this.#client)) throw new MqError('INTERNAL', 'many calls at once to a cluster');
    const explained = (answer: Answer): T => read(this.#explainedAnswer(answer, place));
    return sendManyTimes({ client: this.#client, command, bytes, times: calls.count, read: explained });
  }

  /** Many calls in one write, with an answer for each. Throws only if aborted or if there is no connection. */
  async each(calls: readonly Call[], place: CallPlace): Promise<readonly Answer[]> {
    if (calls.length === 0) return [];
    try {
      if (place.signal !== undefined) throwIfAborted(place.signal);
      await this.#ready(place.operation);
      const answers = this.#sendAll(calls, place);
      return await (place.signal === undefined ? answers : orAborted(answers, place.signal));
    } catch (error) {
      throw this.#explained(error, place);
    }
  }

  /**
   * A cluster redirects and retries, and may never settle, so each of its calls has a timer. The line of a single
   * server has its own timer.
   */
  #bounded<T>(answer: Promise<T>, place: CallPlace): Promise<T> {
    if (!this.isCluster) return answer;
    const { timeoutMs } = this.#patience;
    return within(answer, timeoutMs, () => lineError('silent', timeoutMs, place.operation), this.#signal);
  }

  async #settled(answer: Promise<unknown>, place: CallPlace): Promise<Answer> {
    return this.#explainedAnswer(await settle(this.#bounded(answer, place)), place);
  }

  #explainedAnswer(answer: Answer, place: CallPlace): Answer {
    return answer.ok || answer.refused ? answer : { ...answer, error: this.#explained(answer.error, place) };
  }

  async #sendAll(calls: readonly Call[], place: CallPlace): Promise<readonly Answer[]> {
    const bytes = place.bytes ?? false;
    if (this.isCluster || calls.length === 1) {
      return Promise.all(calls.map((call) => this.#settled(this.#send(this.#client, call, bytes), place)));
    }
    const answers = await this.#pipelined(calls, bytes);
    return answers.map((answer) => this.#explainedAnswer(answer, place));
  }

  /** In one write. The errors are those of the client library. */
  async #pipelined(calls: readonly Call[], bytes: boolean): Promise<readonly Answer[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of calls) {
      if (bytes) pipeline.callBuffer(name, ...args);
      else pipeline.call(name, ...args);
    }
    const results = await pipeline.exec();
    return (results ?? []).map(([error, reply]) =>
      error === null ? { ok: true, reply } : { ok: false, refused: isRefusal(error), error },
    );
  }

  /** Like `each`, for reading: the first failure throws. */
  async all(calls: readonly Call[], place: CallPlace): Promise<readonly unknown[]> {
    const answers = await this.each(calls, place);
    return replies(answers, place);
  }

  /** Runs a script. Never for looking: scripts are for changes that must happen as one. */
  script(text: string, keys: readonly Argument[], args: readonly Argument[], place: CallPlace): Promise<unknown> {
    return this.call(['EVAL', text, keys.length, ...keys, ...args], place);
  }

  /**
   * SCAN through every master, except those that `silentNodes` found. Yields pages of keys. A key may come twice. A
   * key that is not text is left out, because as a text it would be another key: `onNameless` gets what of it can be
   * shown.
   */
  async *scan(
    filter: { readonly type?: string; readonly match?: string },
    signal: AbortSignal,
    onNameless: (name: string) => void = () => {},
  ): AsyncGenerator<readonly string[]> {
    await this.#ready('list the keys');
    const client = this.#client;
    const masters = 'nodes' in client ? client.nodes('master') : [client];
    for (const master of masters) {
      if (this.#nodes?.errorOf(master) !== undefined) continue;
      let cursor = '0';
      do {
        throwIfAborted(signal);
        const call: Call = ['SCAN', cursor, 'COUNT', SCAN_COUNT];
        const options = [
          ...(filter.match === undefined ? [] : ['MATCH', filter.match]),
          ...(filter.type === undefined ? [] : ['TYPE', filter.type]),
        ];
        let reply: unknown;
        const place = { operation: 'list the keys' };
        try {
          reply = await orAborted(this.#bounded(this.#send(master, [...call, ...options], true), place), signal);
        } catch (error) {
          throw this.#explained(error, place);
        }
        const [next, keys] = Array.isArray(reply) ? reply : [];
        cursor = asText(next);
        yield (Array.isArray(keys) ? keys : []).flatMap((key) => asName(key, onNameless));
      } while (cursor !== '0');
    }
  }

  /** True if a script may touch all these keys at once. */
  async sameSlot(keys: readonly string[]): Promise<boolean> {
    if (!this.isCluster) return true;
    const slots = await this.all(
      keys.map((key): Call => ['CLUSTER', 'KEYSLOT', key]),
      { operation: 'ask for the slots of keys' },
    );
    return new Set(slots.map(asInteger)).size <= 1;
  }

  close(): void {
    this.#closed = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#client.disconnect();
    for (const line of this.#lines) line.cut();
    if ('nodes' in this.#client) cutSubscriber(this.#client);
  }
}

/**
 * 250 keys a call: each takes 0.1 ms of the server, the longest of 16,000 took 4.4 ms on a busy machine, and a million
 * keys take 2.4 s with all walks (`npm run bench -- redis ls`). 1,000 keys a call take as long in total, and other
 * clients wait longer.
 */
const SCAN_COUNT = 250;
const RECONNECT_TIMEOUT_MS = 5_000;
/** For the node of a cluster whose keys are to be listed. */
const MOST_PATIENCE_MS = 10_000;
/** Reaching a server that exists takes milliseconds. */
const REACH_MS = 1_000;
/** Calls at the end of a run come right after the one that failed. A later look comes later than that. */
const REFUSED_AFTER_FAULT_MS = 1_500;
