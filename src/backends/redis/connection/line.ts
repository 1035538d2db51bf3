import type { Redis } from 'ioredis';
import { MqError } from '../../../contract/errors.ts';
import { isSilence } from '../errors.ts';

/** Why a line to a server can no longer be trusted or used. */
export type LineFault = 'silent' | 'out-of-step';

/**
 * Two problems on the line to one server that the client library does not watch for: an answer that was not asked for,
 * which would be taken for the answer of the next call, and an interruption while the server is silent.
 */
export class Line {
  readonly #redis: Redis;
  readonly #onFault: (fault: LineFault) => void;
  #hurry: NodeJS.Timeout | null = null;

  constructor(redis: Redis, onFault: (fault: LineFault) => void) {
    this.#redis = redis;
    this.#onFault = onFault;
    redis.on('error', (error: unknown) => {
      if (isSilence(error)) onFault('silent');
    });
    this.#watchQueue();
  }

  /** An answer that does not come soon is given up: a person waits for the end. */
  hurry(): void {
    if (this.#hurry !== null) return;
    let heard = this.#heard();
    let quietChecks = 0;
    this.#hurry = setInterval(() => {
      const now = this.#heard();
      quietChecks = this.#awaits() && now === heard ? quietChecks + 1 : 0;
      heard = now;
      if (quietChecks * CHECK_MS < PATIENCE_OF_THE_INTERRUPTED_MS) return;
      this.#onFault('silent');
      this.cut();
    }, CHECK_MS);
    // A caller that waits for an answer has its own socket or timer that keeps the program alive.
    this.#hurry.unref();
  }

  /** At once, without a goodbye, which a silent server would never answer. */
  cut(): void {
    if (this.#hurry !== null) clearInterval(this.#hurry);
    this.#hurry = null;
    this.#redis.disconnect();
    this.#redis.stream?.destroy();
  }

  #heard(): number {
    return this.#redis.stream?.bytesRead ?? 0;
  }

  #awaits(): boolean {
    const queue: unknown = Reflect.get(this.#redis, 'commandQueue');
    return typeof queue === 'object' && queue !== null && Reflect.get(queue, 'length') !== 0;
  }

  /** The library makes a list of awaited answers for each connection, and fails on an answer if the list is empty. */
  #watchQueue(): void {
    const redis = this.#redis;
    const reset: unknown = Reflect.get(redis, 'resetCommandQueue');
    if (typeof reset !== 'function') return;
    const flush: unknown = Reflect.get(redis, 'flushQueue');
    if (typeof flush !== 'function') return;
    let isFlushing = false;
    Reflect.set(redis, 'flushQueue', (...args: unknown[]) => {
      isFlushing = true;
      try {
        Reflect.apply(flush, redis, args);
      } finally {
        isFlushing = false;
      }
    });
    const watch = (): void => {
      const queue: unknown = Reflect.get(redis, 'commandQueue');
      if (typeof queue !== 'object' || queue === null) return;
      const shift: unknown = Reflect.get(queue, 'shift');
      if (typeof shift !== 'function') return;
      Reflect.set(queue, 'shift', () => {
        const item: unknown = Reflect.apply(shift, queue, []);
        if (item !== undefined || isFlushing) return item;
        this.#onFault('out-of-step');
        redis.stream?.destroy();
        return { command: NOBODYS };
      });
    };
    Reflect.set(redis, 'resetCommandQueue', () => {
      Reflect.apply(reset, redis, []);
      watch();
    });
    watch();
  }
}

/** Represents the call that was never made. */
const NOBODYS = { name: 'none', args: [], resolve: () => {}, reject: () => {} };

const CHECK_MS = 200;
const PATIENCE_OF_THE_INTERRUPTED_MS = 1_000;

export function lineError(fault: LineFault, timeoutMs: number, operation: string): MqError {
  return fault === 'silent'
    ? new MqError('TIMEOUT', `cannot ${operation}: the server fell silent: no answer within ${timeoutMs} ms`, {
        hint: 'try again, or give a longer --timeout',
        backend: 'redis',
        operation,
      })
    : new MqError('UNEXPECTED_RESPONSE', `cannot ${operation}: the server sent an answer that was not asked for`, {
        hint: 'is there a proxy in between that mixes up connections?',
        backend: 'redis',
        operation,
      });
}
