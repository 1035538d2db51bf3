import type { Answer } from '../connection/answer.ts';
import { asInteger } from '../connection/reply.ts';

/** The states of jobs that are kept beside the list, for one job and for several. */
export interface Doing {
  readonly one: string;
  readonly many: string;
}

export const WITH_WORKERS: Doing = { one: 'is with a worker', many: 'are with workers' };
export const AWAIT_TIME: Doing = { one: 'waits for its time', many: 'wait for their time' };
export const AWAIT_TRY: Doing = { one: 'waits for another try', many: 'wait for another try' };

export function jobsThat(count: number, { one, many }: Doing): string {
  return count === 1 ? `1 job ${one}` : `${count} jobs ${many}`;
}

/** By the count of the set `where`; null if the set is empty. A set that may not be read is not reported as empty. */
export function jobsBeside(answer: Answer | undefined, doing: Doing, where: string): string | null {
  if (answer?.ok !== true) return `unknown how many jobs ${doing.many}: ${where} could not be read`;
  const count = asInteger(answer.reply);
  return count === 0 ? null : `${jobsThat(count, doing)} (${where})`;
}
