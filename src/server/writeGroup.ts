interface Waiting<Write> {
  readonly write: Write;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** At most this many writes share a commit, so that the first of them does not wait long for the last. */
const largestGroup = 32;

/**
 * Gathers writes that arrive together, so that they share one commit and its flush to disk, the most expensive part of a small
 * write. A group is complete when a turn of the event loop brought no further write: a write that comes alone waits for one
 * turn in which nothing happens.
 */
export class WriteGroup<Write> {
  readonly #commit: (writes: readonly Write[]) => readonly unknown[];
  #waiting: Waiting<Write>[] = [];
  #grew = false;

  /**
   * @param commit does all writes, durably, and answers for each the error that refused this one, or undefined; what it throws
   * has refused all
   */
  constructor(commit: (writes: readonly Write[]) => readonly unknown[]) {
    this.#commit = commit;
  }

  /** Resolves when the write is done; rejects with the error that refused it. */
  add(write: Write): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#grew = true;
      if (this.#waiting.push({ write, resolve, reject }) === 1) {
        this.#afterTurn();
      }
    });
  }

  /** Does at once what is waiting. */
  flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) {
      return;
    }
    try {
      const refusals = this.#commit(group.map(({ write }) => write));
      for (const [index, { resolve, reject }] of group.entries()) {
        const refusal = refusals[index];
        if (refusal === undefined) {
          resolve();
        } else {
          reject(refusal);
        }
      }
    } catch (error) {
      for (const { reject } of group) {
        reject(error);
      }
    }
  }

  #afterTurn(): void {
    setImmediate(() => {
      if (this.#grew && this.#waiting.length < largestGroup) {
        this.#grew = false;
        this.#afterTurn();
      } else {
        this.flush();
      }
    });
  }
}
