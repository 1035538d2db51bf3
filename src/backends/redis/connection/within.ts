import type { MqError } from '../../../contract/errors.ts';

/** Rejects if it takes longer. Its timer keeps the program alive. An interruption leaves it `GRACE_MS`. */
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
