const bytesPerDigest = 16;
const firstSlots = 1024;

/**
 * A set of digests that takes 16 to 48 bytes for each: what garbage collection marks. It remembers the first half of a SHA-256
 * digest; two that share it count as one, which only means that the second is kept too.
 */
export class DigestSet {
  /** Open addressing with linear probing; a slot of zeros is free. */
  #slots = new BigUint64Array(firstSlots * 2);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** In bytes. */
  get memory(): number {
    return this.#slots.byteLength;
  }

  /** False when it was there already. */
  add(digest: string): boolean {
    if ((this.#size + 1) * bytesPerDigest * 1.5 > this.#slots.byteLength) {
      this.#grow();
    }
    const [high, low] = wordsOf(digest);
    const slot = this.#find(high, low);
    if (this.#slots[slot] !== 0n || this.#slots[slot + 1] !== 0n) {
      return false;
    }
    this.#slots[slot] = high;
    this.#slots[slot + 1] = low;
    this.#size++;
    return true;
  }

  has(digest: string): boolean {
    const [high, low] = wordsOf(digest);
    const slot = this.#find(high, low);
    return this.#slots[slot] !== 0n || this.#slots[slot + 1] !== 0n;
  }

  /** The slot of the digest, or the free one where it belongs. */
  #find(high: bigint, low: bigint): number {
    const count = this.#slots.length / 2;
    for (let index = Number(high % BigInt(count)); ; index = (index + 1) % count) {
      const slot = index * 2;
      const [foundHigh, foundLow] = [this.#slots[slot], this.#slots[slot + 1]];
      if ((foundHigh === high && foundLow === low) || (foundHigh === 0n && foundLow === 0n)) {
        return slot;
      }
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new BigUint64Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += 2) {
      const [high = 0n, low = 0n] = [old[slot], old[slot + 1]];
      if (high !== 0n || low !== 0n) {
        const target = this.#find(high, low);
        this.#slots[target] = high;
        this.#slots[target + 1] = low;
      }
    }
  }
}

function wordsOf(digest: string): [bigint, bigint] {
  const start = digest.indexOf(":") + 1;
  const high = BigInt(`0x${digest.slice(start, start + 16)}`);
  const low = BigInt(`0x${digest.slice(start + 16, start + 32)}`);
  return [high, high === 0n && low === 0n ? 1n : low];
}
