/**
 * Runs `action` for every item, at most `limit` at once, and answers the results in order. After a failure nothing further is
 * begun, what runs is told through its signal, and once all of it has ended the first error is thrown.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  action: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const stop = new AbortController();
  const combined = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const results: R[] = [];
  let failure: { readonly error: unknown } | undefined;
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    // All workers take from one iterator, so that each item is taken once.
    for (const [index, item] of queue) {
      if (failure !== undefined || combined.aborted) {
        return;
      }
      try {
        results[index] = await action(item, combined);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure !== undefined) {
    throw failure.error;
  }
  signal?.throwIfAborted();
  return results;
}
