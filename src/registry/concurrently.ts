/** Runs `work` for every item, for at most `limit` of them at a time. The first failure ends it. */
export async function concurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const done: Promise<void> = work(item)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(done));
    running.add(done);
    if (running.size >= limit) {
      await Promise.race(running);
    }
    if (failures.length > 0) {
      break;
    }
  }
  await Promise.all(running);
  if (failures.length > 0) {
    throw failures[0];
  }
}
