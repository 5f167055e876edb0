import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { diskThreadMain, type DiskAnswer, type DiskRequest } from "./diskThreadMain.ts";

interface Waiting {
  resolve(answer: DiskAnswer): void;
  reject(error: Error): void;
}

/**
 * A thread that works on files with calls that wait. Asking it costs a tenth of what the same steps cost one by one on Node's own
 * threads, and hashing there leaves the main thread to others. What may wait for the disk for long, flushing, is not done here.
 */
export class DiskThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;
  /** How many files it is at work for. */
  load = 0;

  constructor() {
    // Its code is given as text, so that it is found whether or not the program is bundled into one file.
    this.#worker = new Worker(`(${diskThreadMain.toString()})()`, {
      eval: true,
      name: "registry-disk",
      // Descriptors are handed over: one is opened there and closed here.
      trackUnmanagedFds: false,
    });
    this.#worker.unref();
    this.#worker.on("message", (answer: DiskAnswer) => this.#settle(answer));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("the disk thread has ended")));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Answered in the order of asking.
   * @param given memory that the thread takes over
   * @throws Error of the system, with its code
   */
  request(request: DiskRequest, given: readonly ArrayBuffer[] = []): Promise<DiskAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      // First what can fail: answers are told apart by their order alone.
      this.#worker.postMessage(request, given);
      if (this.#waiting.push({ resolve, reject }) === 1) {
        this.#worker.ref();
      }
    });
  }

  #settle(answer: DiskAnswer): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) {
      this.#worker.unref();
    }
    if (answer.error === undefined) {
      waiting?.resolve(answer);
    } else {
      const { message, code } = answer.error;
      waiting?.reject(Object.assign(new Error(message), { code }));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(error);
    }
  }
}

/** More would cost memory and gain nothing, as none of them waits for the disk. */
const maxThreads = Math.min(2, availableParallelism());
/** Shared by all stores of the process, and started when needed. */
const threads: DiskThread[] = [];

/** The thread that works for the fewest files. */
export function leastBusyThread(): DiskThread {
  for (const failed of threads.filter(({ hasFailed }) => hasFailed)) {
    threads.splice(threads.indexOf(failed), 1);
  }
  const best = threads.toSorted((a, b) => a.load - b.load)[0];
  if (best !== undefined && (best.load === 0 || threads.length === maxThreads)) {
    return best;
  }
  const thread = new DiskThread();
  threads.push(thread);
  return thread;
}
