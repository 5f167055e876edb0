/** Memory that many requests share. Bytes are taken before they are kept, and given back when they are let go. */
export class ByteBudget {
  readonly #total: number;
  #taken = 0;

  /** @param total how many bytes may be taken at one time */
  constructor(total: number) {
    this.#total = total;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes `bytes`, or nothing: then the answer is false. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#total) {
      return false;
    }
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
