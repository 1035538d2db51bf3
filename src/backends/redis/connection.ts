import type { Command } from 'ioredis';
import { abortedError, MqError, throwIfAborted } from '../../contract/errors.ts';
import { type Answer, settle } from './answer.ts';
import { type Client, createClient, type Library } from './client.ts';
import { isRefusal, redisError } from './errors.ts';
import { sendManyTimes } from './repeated-command.ts';
import { asInteger, asText } from './reply.ts';
import type { RedisSettings } from './url.ts';

export type Argument = string | Buffer | number;

/** A command and its arguments, as the server gets them. */
export type Call = readonly [command: string, ...args: Argument[]];

/** Calls that are encoded already. */
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
  /** Reading is abandoned when this aborts. Leave it out for a change: what is in the air is then still told. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One connection to a server, to a master found by Sentinel, or to a cluster. Tuned for one-shot commands: nothing is sent before
 * it is needed, nothing is queued while offline, nothing is sent twice. A connection that was cut stays closed until the next call,
 * which connects again.
 */
export class Connection {
  readonly settings: RedisSettings;
  readonly #client: Client;
  readonly #command: typeof Command;
  #lastError: unknown = null;
  #closed = false;

  private constructor(settings: RedisSettings, client: Client, command: typeof Command) {
    this.settings = settings;
    this.#client = client;
    this.#command = command;
    // Without a listener ioredis prints the error object, which may hold the password.
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
  }

  /** Connects and logs in. Throws `UNAVAILABLE`, `UNAUTHENTICATED`, `TIMEOUT`. */
  static async open(settings: RedisSettings, connectTimeoutMs: number, signal: AbortSignal): Promise<Connection> {
    throwIfAborted(signal);
    const ioredis: Library = await import('ioredis');
    const connection = new Connection(settings, createClient(ioredis, settings, connectTimeoutMs), ioredis.Command);
    try {
      await connection.#connect(connectTimeoutMs, signal);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get isCluster(): boolean {
    return this.settings.topology === 'cluster';
  }

  /** For bullmq, which takes a connected client. Closing stays here. */
  get client(): Client {
    return this.#client;
  }

  async #connect(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const place = { operation: `connect to ${this.settings.address}` };
    const timeout = AbortSignal.timeout(timeoutMs);
    const both = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    try {
      this.#lastError = null;
      await untilAborted(this.#client.connect(), both);
      // The login of a refused user does not make `connect` fail, so the first command has to show it.
      await untilAborted(this.#send(this.#client, ['PING'], false), both);
      // Nor does a database that is not there or not allowed: the connection stays in database 0, and would work on the queues there.
      const { db } = this.settings;
      if (db !== 0) await untilAborted(this.#send(this.#client, ['SELECT', db], false), both);
    } catch (error) {
      if (timeout.aborted && !(signal?.aborted ?? false)) {
        throw new MqError('TIMEOUT', `cannot ${place.operation}: no answer within ${timeoutMs} ms`, {
          // A server without TLS takes the first bytes of a handshake for a command that has not ended yet.
          hint: this.settings.address.startsWith('rediss:')
            ? 'is this a port without TLS? then use redis://'
            : 'check the host, the port and the firewall, or give a longer --connect-timeout',
          backend: 'redis',
        });
      }
      // "Connection is closed" is only the echo of what the error event said.
      const cause = isRefusal(error) || this.#lastError === null ? error : this.#lastError;
      throw this.#withTlsHint(redisError(cause, place));
    }
  }

  /** A port for TLS cuts a connection that begins with a command. */
  #withTlsHint(error: MqError): MqError {
    const { code, message, operation, hint } = error;
    const isCut = code === 'UNAVAILABLE' && hint === null && /connection was (?:cut|lost)$/.test(message);
    if (!isCut || !this.settings.address.startsWith('redis:')) return error;
    return new MqError(code, message, {
      hint: 'is this a port for TLS? then use rediss://; otherwise see the log of the server',
      backend: 'redis',
      operation: operation ?? undefined,
    });
  }

  #send(client: Client, call: Call, bytes: boolean): Promise<unknown> {
    const [name, ...args] = call;
    const command = new this.#command(name, [...args], { replyEncoding: bytes ? null : 'utf8' });
    return client.sendCommand(command) as Promise<unknown>;
  }

  async #ready(): Promise<void> {
    if (this.#closed) throw new MqError('UNAVAILABLE', 'the connection is closed', { backend: 'redis' });
    if (this.#client.status === 'end') await this.#connect(RECONNECT_TIMEOUT_MS, undefined);
  }

  /** One call. Throws an `MqError` that names the place. */
  async call(call: Call, place: CallPlace): Promise<unknown> {
    try {
      if (place.signal !== undefined) throwIfAborted(place.signal);
      await this.#ready();
      const answer = this.#send(this.#client, call, place.bytes ?? false);
      return await (place.signal === undefined ? answer : untilAborted(answer, place.signal));
    } catch (error) {
      throw redisError(error, place);
    }
  }

  /**
   * Calls that are encoded already, as one piece, with an answer for each. They all name one key, which says where they go; more than one is not for
   * a cluster, which may send each of them on. `read` is asked as each answer arrives. Never rejects; without a connection nothing was sent, which is as
   * good as a refusal.
   */
  async written<T>(
    bytes: Buffer,
    calls: WrittenCalls,
    place: CallPlace,
    read: (answer: Answer) => T,
  ): Promise<readonly T[]> {
    try {
      await this.#ready();
    } catch (error) {
      return new Array<T>(calls.count).fill(read({ ok: false, refused: true, error: redisError(error, place) }));
    }
    const command = new this.#command(calls.name, [calls.key], { replyEncoding: 'utf8' });
    if (calls.count === 1) {
      command.toWritable = () => bytes;
      return [read(await settle(this.#client.sendCommand(command) as Promise<unknown>))];
    }
    if (!('stream' in this.#client)) throw new MqError('INTERNAL', 'many calls at once to a cluster');
    return sendManyTimes({ client: this.#client, command, bytes, times: calls.count, read });
  }

  /** Many calls in one write, with an answer for each. Throws only when aborted or when no connection can be had. */
  async each(calls: readonly Call[], place: CallPlace): Promise<readonly Answer[]> {
    if (calls.length === 0) return [];
    try {
      if (place.signal !== undefined) throwIfAborted(place.signal);
      await this.#ready();
      const answers = this.#sendAll(calls, place.bytes ?? false);
      return await (place.signal === undefined ? answers : untilAborted(answers, place.signal));
    } catch (error) {
      throw redisError(error, place);
    }
  }

  async #sendAll(calls: readonly Call[], bytes: boolean): Promise<readonly Answer[]> {
    if (this.isCluster || calls.length === 1) {
      return Promise.all(calls.map((call) => settle(this.#send(this.#client, call, bytes))));
    }
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

  /** As `each`, for reading: the first failure throws. */
  async all(calls: readonly Call[], place: CallPlace): Promise<readonly unknown[]> {
    const answers = await this.each(calls, place);
    return answers.map((answer) => {
      if (answer.ok) return answer.reply;
      throw redisError(answer.error, place);
    });
  }

  /** Runs a script. Never for looking: scripts are for changes that must happen as one. */
  script(text: string, keys: readonly Argument[], args: readonly Argument[], place: CallPlace): Promise<unknown> {
    return this.call(['EVAL', text, keys.length, ...keys, ...args], place);
  }

  /** SCAN through every master. Yields pages of keys; a key may come twice. */
  async *scan(
    filter: { readonly type?: string; readonly match?: string },
    signal: AbortSignal,
  ): AsyncGenerator<readonly string[]> {
    await this.#ready();
    const client = this.#client;
    const masters: readonly Client[] = 'nodes' in client ? client.nodes('master') : [client];
    for (const master of masters) {
      let cursor = '0';
      do {
        throwIfAborted(signal);
        const call: Call = ['SCAN', cursor, 'COUNT', SCAN_COUNT];
        const options = [
          ...(filter.match === undefined ? [] : ['MATCH', filter.match]),
          ...(filter.type === undefined ? [] : ['TYPE', filter.type]),
        ];
        let reply: unknown;
        try {
          reply = await untilAborted(this.#send(master, [...call, ...options], false), signal);
        } catch (error) {
          throw redisError(error, { operation: 'list the keys' });
        }
        const [next, keys] = Array.isArray(reply) ? reply : [];
        cursor = asText(next);
        yield (Array.isArray(keys) ? keys : []).map(asText);
      } while (cursor !== '0');
    }
  }

  /** True when a script may touch all these keys at once. */
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
    this.#client.disconnect();
  }
}

/**
 * 250 keys a call: 0.1 ms of the server each, 4.4 ms for the longest of 16,000 on a busy machine, 2.4 s for a million keys with all walks
 * (`npm run bench -- redis ls`). 1,000 takes no less in all, and other clients wait longer.
 */
const SCAN_COUNT = 250;
const RECONNECT_TIMEOUT_MS = 5_000;

/** Gives up waiting when the signal aborts; what was asked may still happen. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(signal));
    if (signal.aborted) {
      promise.catch(() => {});
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
