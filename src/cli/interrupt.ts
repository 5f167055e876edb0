const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs work that can be interrupted: the first signal aborts it, a second one ends the process at once. When the work has ended
 * after a signal, the process ends as the signal would have ended it.
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let received: NodeJS.Signals | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    received = signal;
    ignore();
    stop.abort();
  };
  const ignore = (): void => signals.forEach((signal) => process.off(signal, interrupt));
  signals.forEach((signal) => process.on(signal, interrupt));
  try {
    return await work(stop.signal);
  } finally {
    ignore();
    if (received !== undefined) process.kill(process.pid, received);
  }
}
