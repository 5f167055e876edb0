/** Values in memory up to a total weight; what was not asked for longest goes first. */
export class LruCache<Value> {
  readonly #maxWeight: number;
  readonly #weigh: (value: Value) => number;
  /** In the order of last use. */
  readonly #values = new Map<string, Value>();
  #weight = 0;

  /** @param weigh the weight of a value, which must not change; each counts 1 by default */
  constructor(maxWeight: number, weigh: (value: Value) => number = () => 1) {
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  get weight(): number {
    return this.#weight;
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }
    return value;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.#values.keys()) {
      if (this.#weight <= this.#maxWeight) {
        return;
      }
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const value = this.#values.get(key);
    if (value !== undefined) {
      this.#values.delete(key);
      this.#weight -= this.#weigh(value);
    }
  }

  clear(): void {
    this.#values.clear();
    this.#weight = 0;
  }
}
