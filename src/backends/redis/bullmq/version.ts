/**
 * The layout of the keys of each major version of BullMQ. Each is named after the oldest version that reads and
 * writes it (seen in the scripts of 3.16, 4.18, 5.81 and 6.7):
 *
 * - 3: prioritized jobs are inside the waiting list, their order in `priority`; attempts in `attemptsMade`; a pause
 *   renames the waiting list to `paused`.
 * - 4: prioritized jobs in `prioritized`, and a marker among the waiting jobs wakes workers.
 * - 5: attempts in `atm` and `ats`, markers in a key of their own, deduplication. Workers obey the flag of a pause, but
 *   resuming renames `paused` over the waiting list, and jobs in the waiting list are lost.
 * - 6: a pause is only the flag.
 */
export type Layout = 3 | 4 | 5 | 6;

/** The version by the keys, if none is written: producers may skip it, and version 2 did not have it. */
export interface LayoutTraces {
  readonly priority: boolean;
  readonly marker: boolean;
}

/**
 * By `meta.version` (`bullmq:5.81.5`). It is written by the newest library that has opened the queue; BullMQ Pro counts
 * two versions more. If nothing says the version, it is 5: versions 5 and 6 both read what 5 writes, and nothing is
 * lost with either.
 */
export function layoutOf(version: string | null, traces: LayoutTraces): Layout {
  const [, pro, major] = /^bullmq(-pro)?:(\d+)\./.exec(version ?? '') ?? [];
  if (major !== undefined) {
    const counted = Number(major) - (pro === undefined ? 0 : 2);
    return counted <= 3 ? 3 : counted === 4 ? 4 : counted === 5 ? 5 : 6;
  }
  return traces.priority && !traces.marker ? 3 : 5;
}
