import { createHash, type Hash } from "node:crypto";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { DigestAlgorithm } from "../oci/digest.ts";

/** Hashes what it is given in turn. */
export interface BlobHasher {
  /** The memory must stay as it is until the promise, if there is one, has resolved. */
  update(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends hashing. Lower-case hexadecimal by algorithm. */
  digest(): Promise<ReadonlyMap<DigestAlgorithm, string>>;
  /** Forgets everything. */
  discard(): void;
}

/** Hashes on the calling thread: for what is small. */
export class InlineHasher implements BlobHasher {
  readonly #hashes: readonly (readonly [DigestAlgorithm, Hash])[];

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.#hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)]);
  }

  update(bytes: Uint8Array): undefined {
    for (const [, hash] of this.#hashes) {
      hash.update(bytes);
    }
  }

  async digest(): Promise<ReadonlyMap<DigestAlgorithm, string>> {
    return new Map(this.#hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
  }

  discard(): void {}
}

/**
 * Hashes on another thread, so that a large upload neither waits for its hash nor makes other requests wait. Bytes must lie in
 * shared memory: they are not copied.
 */
export class ThreadHasher implements BlobHasher {
  readonly #thread: HashThread;
  readonly #id: number;
  readonly #algorithms: readonly DigestAlgorithm[];

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.#algorithms = algorithms;
    this.#thread = leastBusyThread();
    this.#id = this.#thread.begin(algorithms);
  }

  async update(bytes: Uint8Array): Promise<void> {
    await this.#thread.request({ id: this.#id, bytes });
  }

  async digest(): Promise<ReadonlyMap<DigestAlgorithm, string>> {
    const digests = await this.#thread.request({ id: this.#id, end: true });
    this.#thread.end();
    return new Map(this.#algorithms.map((algorithm, index) => [algorithm, digests[index] ?? ""]));
  }

  discard(): void {
    this.#thread.request({ id: this.#id, end: true }).then(
      () => this.#thread.end(),
      () => undefined, // The thread has failed, and what it held is gone with it.
    );
  }
}

interface HashRequest {
  readonly id: number;
  readonly begin?: readonly string[];
  readonly bytes?: Uint8Array;
  readonly end?: boolean;
}

/** One worker and what it is asked; it answers in the order of asking. */
class HashThread {
  readonly #worker: Worker;
  readonly #waiting: { resolve(digests: readonly string[]): void; reject(error: unknown): void }[] = [];
  #last = 0;
  #failure: unknown;
  /** How many hashes are in the making. */
  load = 0;

  constructor() {
    // Its code is given as text, so that it is found whether or not the program is bundled into one file.
    this.#worker = new Worker(`(${hashThreadMain.toString()})()`, { eval: true, name: "registry-hash" });
    this.#worker.unref();
    this.#worker.on("message", (digests: readonly string[]) => {
      this.#waiting.shift()?.resolve(digests);
      this.#unrefWhenIdle();
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("the hash thread has ended")));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  begin(algorithms: readonly DigestAlgorithm[]): number {
    this.load++;
    const id = ++this.#last;
    this.#worker.postMessage({ id, begin: algorithms } satisfies HashRequest);
    return id;
  }

  end(): void {
    this.load--;
  }

  request(request: HashRequest): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(error);
    }
  }

  #unrefWhenIdle(): void {
    if (this.#waiting.length === 0) {
      this.#worker.unref();
    }
  }
}

const maxThreads = Math.max(1, Math.min(4, availableParallelism() - 1));
/** Shared by all uploads of the process, and started when needed. */
const threads: HashThread[] = [];

function leastBusyThread(): HashThread {
  for (const failed of threads.filter(({ hasFailed }) => hasFailed)) {
    threads.splice(threads.indexOf(failed), 1);
  }
  const best = threads.toSorted((a, b) => a.load - b.load)[0];
  if (best !== undefined && (best.load === 0 || threads.length === maxThreads)) {
    return best;
  }
  const thread = new HashThread();
  threads.push(thread);
  return thread;
}

/** What the worker runs. It stands alone: nothing of this file is in its reach. */
function hashThreadMain(): void {
  const { createHash: create } = process.getBuiltinModule("node:crypto");
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  const hashes = new Map<number, Hash[]>();
  parentPort?.on("message", ({ id, begin, bytes, end }: HashRequest) => {
    if (begin !== undefined) {
      hashes.set(
        id,
        begin.map((algorithm) => create(algorithm)),
      );
      return;
    }
    const own = hashes.get(id) ?? [];
    if (bytes !== undefined) {
      own.forEach((hash) => hash.update(bytes));
    }
    if (end === true) {
      hashes.delete(id);
    }
    parentPort.postMessage(end === true ? own.map((hash) => hash.digest("hex")) : []);
  });
}
