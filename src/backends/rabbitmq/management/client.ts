import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { abortedError, type ErrorCode, isMqError, MqError, throwIfAborted } from '../../../contract/errors.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { type ClockReading, clockOfAnswer } from '../../common/clock.ts';
import { trustMaterial } from '../connection/trust-material.ts';
import { socketFailure } from '../errors.ts';
import type { Address } from '../url.ts';

export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** An answer of the management API, or the reason why there is none. */
export type Answer =
  | { readonly status: 'ok'; readonly body: JsonValue }
  | { readonly status: 'missing' }
  /** `failed`: the API itself failed (5xx), and the next call may succeed. */
  | { readonly status: 'unavailable'; readonly reason: string; readonly failed?: true };

// Importing these reads all their members, and their WebSocket loads an HTTP client of its own: 30 ms instead of 2.
const http = (): typeof import('node:http') => process.getBuiltinModule('node:http');
const https = (): typeof import('node:https') => process.getBuiltinModule('node:https');

const QUICK_MS = 10_000;
/**
 * The pauses before each further question if the API failed. There are none if the failure used a good part of the time
 * limit.
 */
const PAUSES_MS = [100, 400];
/** Far above a page of 500 queues. It is a bound in case another server answers at the address. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * The HTTP API of the management plugin. It only reads. It never throws if the API is away: the figures are then
 * unknown.
 */
export class Management {
  readonly #address: Address;
  readonly #connectMs: number;
  readonly #answerMs: number;
  /** After it was unreachable once, it is not asked again: each try could cost the whole time limit. */
  #away: Extract<Answer, { status: 'unavailable' }> | null = null;

  #clock: ClockReading | null = null;
  #refusal: ErrorCode = 'PRECONDITION_FAILED';
  readonly #cluster: (signal: AbortSignal) => Promise<string | null>;
  /** It is the API of the broker that AMQP leads to. */
  #isOurs = false;

  /**
   * `answerMs`: between two pieces of an answer, and before the first. `cluster`: the one of AMQP; null: the broker
   * does not say.
   */
  constructor(
    address: Address,
    { connectMs, answerMs }: { readonly connectMs: number; readonly answerMs: number },
    cluster: (signal: AbortSignal) => Promise<string | null>,
  ) {
    this.#address = address;
    this.#connectMs = connectMs;
    this.#answerMs = answerMs;
    this.#cluster = cluster;
  }

  get label(): string {
    return this.#address.management.label;
  }

  /** Why an unreadable answer is not one. */
  get isAnother(): string {
    return `${this.label} is not a RabbitMQ management API`;
  }

  /** From the newest answer that had a date; null: none had. */
  get serverClock(): ClockReading | null {
    return this.#clock;
  }

  /**
   * The code of a refusal because facts are missing that only this API gives. If the API was silent or failed itself,
   * the same call may succeed later, and nothing has to be changed.
   */
  get refusal(): ErrorCode {
    return this.#refusal;
  }

  /** `path` below `/api`, already percent-encoded. */
  get(path: string, signal: AbortSignal): Promise<Answer> {
    return this.#get(path, signal, { refusedForAll: true, answerMs: this.#answerMs });
  }

  /** Like `get`, for optional facts: the questions that follow still have half of the time limit. */
  getIfQuick(path: string, signal: AbortSignal): Promise<Answer> {
    return this.#get(path, signal, { refusedForAll: true, answerMs: Math.min(this.#answerMs / 2, QUICK_MS) });
  }

  /** Like `get`, for facts that a user may not read who may read everything else. */
  getIfAllowed(path: string, signal: AbortSignal): Promise<Answer> {
    return this.#get(path, signal, { refusedForAll: false, answerMs: this.#answerMs });
  }

  /** Like `getIfAllowed` and `getIfQuick` together. Its silence does not count as that of the whole API. */
  getIfTold(path: string, signal: AbortSignal): Promise<Answer> {
    const answerMs = Math.min(this.#answerMs / 2, QUICK_MS);
    return this.#get(path, signal, { refusedForAll: false, silentForAll: false, answerMs });
  }

  async #get(path: string, signal: AbortSignal, asking: Asking): Promise<Answer> {
    throwIfAborted(signal);
    if (this.#away !== null) return this.#away;
    try {
      if (this.#isOurs) return await this.#request(path, signal, asking);
      // Both at the same time: an answer is not used before it is known from which broker it comes.
      const [stranger, answer] = await Promise.all([
        this.#stranger(signal, asking),
        this.#request(path, signal, asking),
      ]);
      return stranger ?? answer;
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      if (isMqError(error)) throw error;
      if (error instanceof Silence) this.#refusal = 'TIMEOUT';
      const reason = this.#whyAway(error, asking.answerMs);
      return asking.silentForAll === false && error instanceof Silence
        ? { status: 'unavailable', reason }
        : this.#remember(reason);
    }
  }

  /**
   * The server there is trusted only after it has named the cluster that AMQP leads to: several brokers on one host,
   * tunnels and containers may have another broker's usual port. Throws `CONFIG_INVALID` if the operator named it.
   */
  async #stranger(signal: AbortSignal, { answerMs }: Asking): Promise<Answer | null> {
    const [named, amqp] = await Promise.all([
      // The overview names it too, and takes the broker five times as long.
      this.#request('/cluster-name', signal, { refusedForAll: true, answerMs }),
      this.#cluster(signal).catch((error: unknown) => {
        throwIfAborted(signal);
        if (isMqError(error)) return error;
        throw error;
      }),
    ]);
    if (named.status === 'unavailable') return named;
    if (isMqError(amqp)) {
      const reason = `${this.label} is not believed while AMQP does not tell whether both are the same broker (${amqp.message})`;
      return { status: 'unavailable', reason };
    }
    const told = named.status === 'ok' && isObject(named.body) ? textAt(named.body, 'name') : null;
    if (told === null) return this.#remember(this.isAnother);
    if (amqp !== null && amqp !== told) {
      const text = `${this.label} is the management API of the cluster ${JSON.stringify(told)}, and AMQP leads to the cluster ${JSON.stringify(amqp)}`;
      if (!this.#address.management.explicit) return this.#remember(text);
      const hint = 'name the API of the same broker after management= in the URL';
      throw new MqError('CONFIG_INVALID', text, { hint, backend: 'rabbitmq' });
    }
    this.#isOurs = true;
    return null;
  }

  /**
   * Asked again if the API itself failed: a list of queues is answered with 500 if one of them is deleted at that
   * moment (seen on 3.10.8).
   */
  async #request(path: string, signal: AbortSignal, asking: Asking): Promise<Answer> {
    const until = Date.now() + asking.answerMs / 4;
    for (const pauseMs of PAUSES_MS) {
      const answer = await this.#requestOnce(path, signal, asking);
      if (answer.status !== 'unavailable' || answer.failed !== true || Date.now() > until) return answer;
      await wait(pauseMs, undefined, { signal });
    }
    return this.#requestOnce(path, signal, asking);
  }

  async #requestOnce(path: string, signal: AbortSignal, { refusedForAll, answerMs }: Asking): Promise<Answer> {
    const { management } = this.#address;
    const trust = await trustMaterial({ tls: management.tls, trust: this.#address.trust });
    const { request } = management.tls ? https() : http();
    const sentAt = Date.now();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request(
        {
          host: management.host,
          port: management.port,
          path: `${management.prefix}/api${path}`,
          headers: { accept: 'application/json' },
          auth: `${management.user}:${management.password}`,
          signal,
          timeout: this.#connectMs,
          ...trust,
        },
        resolve,
      );
      let isConnected = false;
      const onConnected = (): void => {
        isConnected = true;
        call.setTimeout(answerMs);
      };
      call.on('socket', (socket) => {
        // A connection that the previous question left open is connected already.
        if (socket.connecting) socket.once(management.tls ? 'secureConnect' : 'connect', onConnected);
        else onConnected();
      });
      call.on('timeout', () => call.destroy(isConnected ? new Silence() : new Error('timeout')));
      call.on('error', reject);
      call.end();
    });
    this.#clock = clockOfAnswer(response.headers.date, { sentAt, answeredAt: Date.now() }) ?? this.#clock;
    const text = await readAll(response);
    return this.#interpret(response.statusCode ?? 0, text, refusedForAll);
  }

  #interpret(status: number, text: string, refusedForAll: boolean): Answer {
    if (status === 200 || status === 404) {
      const body = parsed(text);
      if (status === 200 && body !== null) return { status: 'ok', body };
      // RabbitMQ says in JSON what is missing. A page of another server must not be taken for "there is none".
      if (isObject(body ?? undefined)) return { status: 'missing' };
      return this.#remember(this.isAnother);
    }
    if (status === 401 || status === 403) {
      const reason = `the management API at ${this.label} refused this user (it needs the tag "management")`;
      return refusedForAll ? this.#remember(reason) : { status: 'unavailable', reason };
    }
    const reason = `the management API at ${this.label} answered with status ${status}`;
    if (status < 500) return { status: 'unavailable', reason };
    this.#refusal = 'UNAVAILABLE';
    return { status: 'unavailable', reason, failed: true };
  }

  #remember(reason: string): Answer {
    this.#away = { status: 'unavailable', reason };
    return this.#away;
  }

  #whyAway(error: unknown, answerMs: number): string {
    if (error instanceof Silence)
      return `the management API at ${this.label} has not answered within ${answerMs / 1_000}s`;
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
    const told = socketFailure(code, `the management API at ${this.label}`);
    return told?.message ?? `the management API at ${this.label} does not answer`;
  }
}

interface Asking {
  /** A refusal applies to the whole API. */
  readonly refusedForAll: boolean;
  /** So does a silence, unless this is false. */
  readonly silentForAll?: boolean;
  readonly answerMs: number;
}

/** It was connected, and no answer came. */
class Silence extends Error {}

/** Null: it is not JSON (here, JSON is never null). */
function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response) {
    if (!Buffer.isBuffer(piece)) continue;
    length += piece.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('answer too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** In a path such a name means a step up or nothing, however it is encoded. */
export function isDots(name: string): boolean {
  return name === '.' || name === '..';
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isObject(value) ? value : {};
}

export function numberAt(object: JsonObject, key: string): number | null {
  const value = object[key];
  return typeof value === 'number' ? value : null;
}

export function booleanAt(object: JsonObject, key: string): boolean | null {
  const value = object[key];
  return typeof value === 'boolean' ? value : null;
}

export function textAt(object: JsonObject, key: string): string | null {
  const value = object[key];
  return typeof value === 'string' ? value : null;
}

export function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
