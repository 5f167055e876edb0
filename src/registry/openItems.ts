import type { ItemReader } from "./storage.ts";

interface OpenItem {
  readonly reader: ItemReader;
  users: number;
  /** Closed when the last user lets go. */
  isForgotten: boolean;
}

/**
 * Items kept open between reads, because many reads of one large item in pieces would otherwise open it each time. They stay open
 * until others have been used since; whoever removes or replaces an item has it forgotten.
 */
export class OpenItems {
  readonly #open: (key: string) => Promise<ItemReader | undefined>;
  readonly #mostIdle: number;
  /** In the order of last use. */
  readonly #items = new Map<string, OpenItem>();

  /** @param mostIdle how many are kept open while nobody reads them */
  constructor(open: (key: string) => Promise<ItemReader | undefined>, mostIdle: number) {
    this.#open = open;
    this.#mostIdle = mostIdle;
  }

  /** A reader of the item for one user, who closes it. */
  async take(key: string): Promise<ItemReader | undefined> {
    const known = this.#items.get(key);
    if (known !== undefined) {
      return this.#lend(key, known);
    }
    const reader = await this.#open(key);
    if (reader === undefined) {
      return undefined;
    }
    const other = this.#items.get(key);
    if (other !== undefined) {
      await reader.close(); // Somebody else was as quick.
    }
    return this.#lend(key, other ?? { reader, users: 0, isForgotten: false });
  }

  /** From now on the item is opened anew. Those who read it go on. */
  async forget(key: string): Promise<void> {
    const item = this.#items.get(key);
    if (item !== undefined) {
      this.#items.delete(key);
      item.isForgotten = true;
      await closeUnused(item);
    }
  }

  /** Closes everything as soon as nobody reads it. */
  async close(): Promise<void> {
    await Promise.all([...this.#items.keys()].map((key) => this.forget(key)));
  }

  #lend(key: string, item: OpenItem): ItemReader {
    item.users++;
    this.#items.delete(key);
    this.#items.set(key, item);
    let isOpen = true;
    return {
      size: item.reader.size,
      read: (start, end) => item.reader.read(start, end),
      close: async () => {
        if (isOpen) {
          isOpen = false;
          item.users--;
          await closeUnused(item);
          await this.#dropOldest();
        }
      },
    };
  }

  async #dropOldest(): Promise<void> {
    if (this.#items.size <= this.#mostIdle) {
      return;
    }
    const idle = [...this.#items].filter(([, { users }]) => users === 0);
    for (const [key] of idle.slice(0, Math.max(0, idle.length - this.#mostIdle))) {
      await this.forget(key);
    }
  }
}

async function closeUnused({ reader, users, isForgotten }: OpenItem): Promise<void> {
  if (isForgotten && users === 0) {
    await reader.close();
  }
}
