import { type ErrorCode, isMqError } from '../contract/errors.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../core/exit-codes.ts';
import type { Guard } from './guard.ts';
import type { History } from './history.ts';
import type { ChangeRecord } from './record.ts';

export interface Act<R> {
  readonly guard: Guard;
  readonly record: ChangeRecord;
  readonly history: History;
  /** Asks what has to be asked before the work begins. Rejects if the answer is no, or if there is no one to ask. */
  confirm(): Promise<void>;
  run(): Promise<R>;
  /** The exit code of a run that was carried out. */
  exitOf(result: R): ExitCode;
  /** The exit code after a signal, for the history. */
  finalOf(exit: ExitCode): ExitCode;
  /** Receives what there is to say beside the work. */
  readonly note: (text: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * One change, from the question to its line in the history. It is the only way to change something, for the verbs and
 * for the live view. The guard has admitted every queue that was named, and is sealed before the first of them is
 * touched. Rejects with the error of the question or of the work.
 */
export async function act<R>(change: Act<R>): Promise<R> {
  const { guard, record, history, note, now } = change;
  guard.seal();
  await change.confirm();
  const startedAt = now();
  const remember = (exit: ExitCode, error: ErrorCode | null): void => {
    // Before a broker was reached, and after a refusal, nothing can have changed.
    if (!record.hasBegun || exit === EXIT.usage || error === 'CANCELLED') return;
    const failure = history.add(record.entry({ exitCode: change.finalOf(exit), error, startedAt, now: now() }));
    if (failure !== null) note(failure);
  };
  let result: R;
  try {
    result = await change.run();
  } catch (error) {
    const code = isMqError(error) ? error.code : 'INTERNAL';
    remember(exitCodeOf(code), code);
    throw error;
  }
  remember(change.exitOf(result), null);
  return result;
}
