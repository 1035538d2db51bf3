import { formatDuration } from '../core/duration.ts';
import type { Progress } from '../core/plan.ts';

/** Progress that comes more often than this cannot be seen. */
const INTERVAL_MS = 100;

/** Passes on the progress of one run, at most ten times a second. */
export function paced(tell: (progress: Progress) => void): (progress: Progress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (progress.elapsedMs - last < INTERVAL_MS) return;
    last = progress.elapsedMs;
    tell(progress);
  };
}

/** `120 of 400, 60/s, 5s left` */
export function progressText({ done, total, elapsedMs }: Progress): string {
  const perMs = elapsedMs > 0 ? done / elapsedMs : 0;
  const parts = [
    total === null ? `${done}` : `${done} of ${total}`,
    `${Math.round(perMs * 1000)}/s`,
    ...(total === null || perMs === 0 ? [] : [`${formatDuration(Math.max(0, total - done) / perMs)} left`]),
  ];
  return parts.join(', ');
}
