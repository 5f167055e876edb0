import { randomInt } from "node:crypto";
import type { TestContext } from "node:test";

/** Random choices that can be made again: COUNTERSIGN_TEST_SEED takes the seed that a failed test has printed. */
export class SeededRandom {
  #state: number;

  private constructor(seed: number) {
    this.#state = seed;
  }

  /** The choices of one test, which prints their seed. */
  static of(t: Pick<TestContext, "diagnostic">): SeededRandom {
    const seed = Number(process.env["COUNTERSIGN_TEST_SEED"] ?? randomInt(2 ** 31));
    t.diagnostic(`COUNTERSIGN_TEST_SEED=${seed}`);
    return new SeededRandom(seed);
  }

  /** For what runs beside others and so takes its numbers at no certain time. */
  fork(): SeededRandom {
    return new SeededRandom(this.below(2 ** 31));
  }

  /** An integer of 0 to `end` - 1. */
  below(end: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }
}
