import { availableParallelism } from "node:os";
import { MessageChannel, Worker } from "node:worker_threads";
import {
  diskThreadMain,
  type DiskAnswer,
  type DiskAppend,
  type DiskRequest,
  type NumberedAnswer,
  type NumberedRequest,
} from "./diskThreadMain.ts";

/** A request that was not answered yet. */
interface Pending {
  /** The threads it goes through; without any of them there is no answer. */
  readonly threads: readonly DiskThread[];
  resolve(answer: DiskAnswer): void;
  reject(error: Error): void;
}

/** Of all threads, by what they are numbered with. */
const pending = new Map<number, Pending>();
let lastRequest = 0;

/**
 * A thread that works on files with calls that wait. Asking it costs a tenth of what the same steps cost one by one on Node's own
 * threads, and hashing there leaves the main thread to others. What may wait for the disk for long, flushing, is not done here.
 */
export class DiskThread {
  readonly #worker: Worker;
  #pendingCount = 0;
  #failure: Error | undefined;
  /** How much it is at work: 2 for each file it writes, 1 for each it hashes for another thread. */
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
    this.#worker.on("message", ({ id, answer }: NumberedAnswer) => DiskThread.#settle(id, answer));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("the disk thread has ended")));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Lets this thread and another one pass requests to one another, and to no third. */
  connect(other: DiskThread): void {
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage({ peer: port1 }, [port1]);
    other.#worker.postMessage({ peer: port2 }, [port2]);
  }

  /** Ends the thread. What it was asked fails. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /**
   * Requests are performed in the order of asking.
   * @param given memory that the thread takes over
   * @throws Error of the system, with its code
   */
  request(request: DiskRequest, given: readonly ArrayBuffer[] = []): Promise<DiskAnswer> {
    return this.#ask(request, given, [this]);
  }

  /** Has `hasher`, which is connected with this thread, hash what is to be appended, and pass it on to be written here. */
  requestThrough(
    hasher: DiskThread,
    request: DiskAppend<"append">,
    given: readonly ArrayBuffer[],
  ): Promise<DiskAnswer> {
    return hasher.#ask({ ...request, op: "pass" }, given, [hasher, this]);
  }

  #ask(request: DiskRequest, given: readonly ArrayBuffer[], threads: readonly DiskThread[]): Promise<DiskAnswer> {
    return new Promise((resolve, reject) => {
      const failed = threads.find(({ hasFailed }) => hasFailed);
      if (failed !== undefined) {
        reject(failed.#failure);
        return;
      }
      const id = ++lastRequest;
      this.#worker.postMessage({ id, request } satisfies NumberedRequest, given);
      pending.set(id, { threads, resolve, reject });
      threads.forEach((thread) => thread.#count(1));
    });
  }

  /** The process lives as long as there is something to be answered. */
  #count(change: 1 | -1): void {
    this.#pendingCount += change;
    if (this.#pendingCount === 0) {
      this.#worker.unref();
    } else if (this.#pendingCount === 1 && change === 1) {
      this.#worker.ref();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const [id, request] of pending) {
      if (request.threads.includes(this)) {
        pending.delete(id);
        request.threads.forEach((thread) => thread.#count(-1));
        request.reject(error);
      }
    }
  }

  static #settle(id: number, answer: DiskAnswer): void {
    const waiting = pending.get(id);
    if (waiting === undefined) {
      return; // Another thread it went through has ended.
    }
    pending.delete(id);
    waiting.threads.forEach((thread) => thread.#count(-1));
    if (answer.error === undefined) {
      waiting.resolve(answer);
    } else {
      const { message, code } = answer.error;
      waiting.reject(Object.assign(new Error(message), { code }));
    }
  }
}

/** More would cost memory and gain little, as none of them waits for the disk; and each is connected with one other. */
const maxThreads = Math.min(2, availableParallelism());
/** Shared by all stores of the process, and started when needed. */
const threads: DiskThread[] = [];

/** The thread that is at work least. */
export function leastBusyThread(): DiskThread {
  return idleThread(undefined) ?? living().reduce((best, thread) => (thread.load < best.load ? thread : best));
}

/** A thread other than `except` that is at work for nobody, if there is one; connected with `except`. */
export function idleThread(except: DiskThread | undefined): DiskThread | undefined {
  const known = living();
  const idle = known.find((thread) => thread.load === 0 && thread !== except);
  if (idle !== undefined || known.length === maxThreads) {
    return idle;
  }
  const started = new DiskThread();
  known.forEach((other) => started.connect(other));
  known.push(started);
  return started;
}

function living(): DiskThread[] {
  for (const failed of threads.filter(({ hasFailed }) => hasFailed)) {
    threads.splice(threads.indexOf(failed), 1);
  }
  return threads;
}
