/** Reads at once: one call per queue. */
const PARALLEL_READS = 16;

/** Rejects with the first failure, when the work that was begun has ended. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  let hasFailed = false;
  const worker = async () => {
    for (const item of rest) {
      if (hasFailed) return;
      await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  const workers = Array.from({ length: Math.min(PARALLEL_READS, items.length) }, worker);
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
