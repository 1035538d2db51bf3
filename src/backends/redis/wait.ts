import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError, type MqError } from '../../contract/errors.ts';

/** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}

/** Rejects when it takes longer, with a timer that keeps the program alive; an interruption leaves it `GRACE_MS`. */
export function within<T>(promise: Promise<T>, ms: number, late: () => MqError, signal?: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer = setTimeout(() => reject(late()), ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => reject(late()), Math.min(ms, GRACE_MS));
    };
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  });
}

const GRACE_MS = 1_200;

/** Gives up waiting when the signal aborts; what was asked may still happen. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
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
