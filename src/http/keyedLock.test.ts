import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedLock } from "./keyedLock.ts";

test("work on one key runs one after another, in the order of asking", async () => {
  const lock = new KeyedLock();
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise(setImmediate);
    events.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([lock.run("g", work("a")), lock.run("g", work("b")), lock.run("g", work("c"))]);
  assert.deepEqual(results, ["a", "b", "c"]);
  assert.deepEqual(events, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("keys do not wait for each other", async () => {
  const lock = new KeyedLock();
  let release: () => void = () => undefined;
  const blocked = lock.run("slow", () => new Promise<void>((resolve) => (release = resolve)));
  assert.equal(await lock.run("fast", async () => "done"), "done");
  release();
  await blocked;
});

test("work that fails rejects for its caller only", async () => {
  const lock = new KeyedLock();
  const failing = lock.run("g", () => Promise.reject(new Error("no")));
  const next = lock.run("g", async () => "fine");
  await assert.rejects(failing, /no/);
  assert.equal(await next, "fine");
});

test("idle waits for everything that was asked for", async () => {
  const lock = new KeyedLock();
  let done = 0;
  const work = async (): Promise<void> => {
    await new Promise(setImmediate);
    done++;
  };
  void lock.run("a", work);
  void lock.run("a", work);
  void lock.run("b", work);
  await lock.idle();
  assert.equal(done, 3);
  await lock.idle();
});

test("work on several keys waits for each of them, and does not block itself or others for ever", async () => {
  const lock = new KeyedLock();
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise(setImmediate);
    events.push(`${name} ends`);
  };
  await Promise.all([
    lock.run(["a", "b"], work("ab")),
    lock.run(["b", "a", "b"], work("ba")),
    lock.run("a", work("a")),
    lock.run([], work("none")),
  ]);
  const order = events.filter((event) => !event.startsWith("none"));
  assert.deepEqual(order, ["ab begins", "ab ends", "ba begins", "ba ends", "a begins", "a ends"]);
  assert.ok(events.indexOf("none begins") < events.indexOf("ab ends"));
});
