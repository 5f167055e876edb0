import { ContentCheck } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";

/**
 * Hands out content in parts, in order, checking all of it. A part that was begun before and has to be sent again is read
 * anew from the start of the content.
 */
export class ContentReader {
  readonly #descriptor: Pick<Descriptor, "digest" | "size">;
  readonly #open: () => AsyncIterable<Uint8Array>;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #check: ContentCheck;
  #failure: Error | undefined;
  /** Read, but not handed out. */
  #left: Uint8Array = new Uint8Array();

  constructor(descriptor: Pick<Descriptor, "digest" | "size">, open: () => AsyncIterable<Uint8Array>) {
    this.#descriptor = descriptor;
    this.#open = open;
    this.#check = new ContentCheck(descriptor);
  }

  /** Why the content itself could not be read or is not what it should be, as opposed to failures of who reads it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * The bytes from `offset` on, `length` of them.
   * @param onProgress told how far the content has been handed out
   * @throws OciError OCI_SIZE
   */
  async *part(offset: number, length: number, onProgress?: (position: number) => void): AsyncGenerator<Uint8Array> {
    if (this.#position() > offset) {
      await this.close();
    }
    for (let position = this.#position(); position < offset; position = this.#position()) {
      if ((await this.#take(offset - position)) === undefined) {
        return;
      }
    }
    for (let position = offset; position < offset + length;) {
      const chunk = await this.#take(offset + length - position);
      if (chunk === undefined) {
        return;
      }
      position += chunk.byteLength;
      yield chunk;
      onProgress?.(position);
    }
  }

  /** Reads to the end, of which nothing may be left. @throws OciError OCI_SIZE, OCI_DIGEST */
  async finish(): Promise<void> {
    while ((await this.#take(1)) !== undefined);
  }

  /** Lets go of the content. What is asked for next is read from the start. */
  async close(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    this.#left = new Uint8Array();
    this.#check = new ContentCheck(this.#descriptor);
    await chunks?.return?.();
  }

  #position(): number {
    return this.#check.received - this.#left.byteLength;
  }

  /** At most `most` bytes; undefined at the end, once all has proved right. */
  async #take(most: number): Promise<Uint8Array | undefined> {
    while (this.#left.byteLength === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        return undefined;
      }
      this.#left = chunk;
    }
    const taken = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(most);
    return taken;
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      this.#chunks ??= this.#open()[Symbol.asyncIterator]();
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        this.#check.finish();
        return undefined;
      }
      this.#check.update(value);
      return value;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
}
