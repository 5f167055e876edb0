import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenItems } from "./openItems.ts";
import type { ItemReader } from "./storage.ts";

/** Items that count how often they are opened and closed. */
class CountedItems {
  readonly opened: string[] = [];
  readonly closed: string[] = [];

  readonly open = async (key: string): Promise<ItemReader | undefined> => {
    if (key.startsWith("absent")) return undefined;
    this.opened.push(key);
    return {
      size: key.length,
      async *read() {},
      close: async () => void this.closed.push(key),
    };
  };
}

async function use(items: OpenItems, key: string): Promise<void> {
  const reader = await items.take(key);
  assert.equal(reader?.size, key.length);
  await reader.close();
}

test("an item that is used again and again is opened once", async () => {
  const counted = new CountedItems();
  const items = new OpenItems(counted.open, 2);
  for (let n = 0; n < 5; n++) await use(items, "a");
  const [first, second] = [await items.take("a"), await items.take("a")];
  await first?.close();
  await first?.close();
  await second?.close();
  await use(items, "a");
  assert.deepEqual(counted.opened, ["a"]);
  assert.deepEqual(counted.closed, []);
  await items.close();
  assert.deepEqual(counted.closed, ["a"]);
});

test("what was not used for longest is closed first, and never under a reader", async () => {
  const counted = new CountedItems();
  const items = new OpenItems(counted.open, 2);
  const reader = await items.take("read");
  for (const key of ["a", "b", "a", "c"]) await use(items, key);
  assert.deepEqual(counted.closed, ["b"]);
  await reader?.close();
  assert.deepEqual(counted.closed, ["b", "read"]);
  await use(items, "b");
  assert.deepEqual(counted.opened, ["read", "a", "b", "c", "b"]);
});

test("a forgotten item is opened anew, and closed when its readers are done", async () => {
  const counted = new CountedItems();
  const items = new OpenItems(counted.open, 2);
  const reader = await items.take("a");
  await items.forget("a");
  assert.deepEqual(counted.closed, []);
  await use(items, "a");
  assert.deepEqual(counted.opened, ["a", "a"]);
  await reader?.close();
  assert.deepEqual(counted.closed, ["a"]);
  await items.forget("a");
  assert.deepEqual(counted.closed, ["a", "a"]);
  await items.forget("never opened");
});

test("what is opened twice at once is kept once, and what is absent is not kept", async () => {
  const counted = new CountedItems();
  const items = new OpenItems(counted.open, 2);
  const readers = await Promise.all([items.take("a"), items.take("a"), items.take("absent")]);
  assert.equal(readers[2], undefined);
  assert.deepEqual(counted.closed, ["a"]);
  await Promise.all(readers.map(async (reader) => reader?.close()));
  await items.close();
  assert.deepEqual(counted.closed, ["a", "a"]);
});
