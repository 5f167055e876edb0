export interface ChunkBuffersOptions<Chunk> {
  readonly allocate: (size: number) => Chunk;
  /** In bytes. */
  readonly size: number;
  /** How many of that size may be in use at a time. */
  readonly most: number;
  /** What is given out when that many are in use. */
  readonly smallSize: number;
}

/** How many buffers stay allocated while nobody uses them. */
const keptWhenIdle = 4;

/** Memory for moving bytes between files and connections, used again and again. */
export class ChunkBuffers<Chunk extends Uint8Array> {
  readonly #options: ChunkBuffersOptions<Chunk>;
  readonly #kept: Chunk[] = [];
  #taken = 0;

  constructor(options: ChunkBuffersOptions<Chunk>) {
    this.#options = options;
  }

  take(): Chunk {
    const { allocate, size, most, smallSize } = this.#options;
    if (this.#taken >= most) {
      return allocate(smallSize);
    }
    this.#taken++;
    return this.#kept.pop() ?? allocate(size);
  }

  /** Takes back what `take` gave, once. Its memory belongs to somebody else afterwards. */
  giveBack(buffer: Chunk): void {
    if (buffer.byteLength !== this.#options.size) {
      return;
    }
    this.#taken--;
    if (this.#kept.length < keptWhenIdle) {
      this.#kept.push(buffer);
    }
  }
}
