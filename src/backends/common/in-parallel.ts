/**
 * Works on all items, at most `atOnce` at the same time. After a failure it starts no more, waits for the work in
 * progress, and rejects with the first failure.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = [...items];
  const rest = waiting.values();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (hasFailed) return;
      try {
        await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, waiting.length) }, worker);
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
