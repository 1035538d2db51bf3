import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError } from '../../contract/errors.ts';

/**
 * The result, unless the signal aborts first: then it rejects with `abortedError`. The work itself continues, and
 * `dispose` gets a result that comes too late.
 */
export function orAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  dispose: (result: Result) => Promise<void> = async () => undefined,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      promise.then(dispose, () => undefined);
      reject(abortedError(signal));
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Resolves after `ms`, or as soon as the signal aborts. Never rejects: the caller looks at the signal. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
