/**
 * Where a major version of BullMQ keeps what. Each is the oldest version that reads and writes it so (seen in the
 * scripts of 3.16, 4.18, 5.81 and 6.7):
 *
 * - 3: prioritized jobs are inside the waiting list, their order in `priority`; attempts in `attemptsMade`; a pause
 *   renames the waiting list to `paused`.
 * - 4: prioritized jobs in `prioritized`, and a marker among the waiting jobs wakes workers.
 * - 5: attempts in `atm` and `ats`, markers in a key of their own, deduplication. Workers obey the flag of a pause, but
 *   resuming renames `paused` over the waiting list: what is in both is lost.
 * - 6: a pause is the flag alone.
 */
export type Layout = 3 | 4 | 5 | 6;

/** What keys tell where no version is written: producers may skip it, and those of version 2 knew none. */
export interface LayoutTraces {
  readonly priority: boolean;
  readonly marker: boolean;
}

/**
 * By `meta.version` (`bullmq:5.81.5`), which the newest library writes that has opened the queue; BullMQ Pro counts two
 * versions more. Where nothing says so, 5: what it writes is read by 5 and 6, and nothing is lost with either.
 */
export function layoutOf(version: string | null, traces: LayoutTraces): Layout {
  const [, pro, major] = /^bullmq(-pro)?:(\d+)\./.exec(version ?? '') ?? [];
  if (major !== undefined) {
    const counted = Number(major) - (pro === undefined ? 0 : 2);
    return counted <= 3 ? 3 : counted === 4 ? 4 : counted === 5 ? 5 : 6;
  }
  return traces.priority && !traces.marker ? 3 : 5;
}
