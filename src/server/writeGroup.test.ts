import assert from "node:assert/strict";
import { test } from "node:test";
import { WriteGroup } from "./writeGroup.ts";

/** A group of numbers that notes its commits; odd numbers are refused. */
function setUp(refuse: (group: readonly number[]) => Error | undefined = () => undefined) {
  const commits: (readonly number[])[] = [];
  const group = new WriteGroup<number>((writes) => {
    commits.push(writes);
    const refusal = refuse(writes);
    if (refusal !== undefined) throw refusal;
    return writes.map((write) => (write % 2 === 0 ? undefined : new Error(`${write} is odd`)));
  });
  return { commits, group };
}

/** One turn of the event loop, in which something may arrive. */
const turn = (): Promise<void> => new Promise(setImmediate);

test("writes that arrive together share a commit", async () => {
  const { commits, group } = setUp();
  await Promise.all([group.add(2), group.add(4), group.add(6)]);
  await group.add(8);
  assert.deepEqual(commits, [[2, 4, 6], [8]]);
});

test("a group waits for those who come one turn later, and for nobody else", async () => {
  const { commits, group } = setUp();
  const first = group.add(2);
  await turn();
  await Promise.all([first, group.add(4)]);
  assert.deepEqual(commits, [[2, 4]]);
});

test("writes that never cease do not keep a group waiting", async () => {
  const { commits, group } = setUp();
  const writes: Promise<void>[] = [];
  while (commits.length === 0) {
    writes.push(group.add(0));
    await turn();
  }
  assert.equal(commits[0]?.length, 32);
  await Promise.all(writes);
  assert.equal(commits.flat().length, writes.length);
});

test("a refusal refuses one write of a group", async () => {
  const { commits, group } = setUp();
  const results = await Promise.allSettled([group.add(2), group.add(3), group.add(4)]);
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.message : undefined)),
    [undefined, "3 is odd", undefined],
  );
  assert.equal(commits.length, 1);
});

test("a failure of the commit refuses all of a group, and not the next", async () => {
  const failure = new Error("no disk");
  const { group } = setUp((writes) => (writes.includes(2) ? failure : undefined));
  const results = await Promise.allSettled([group.add(2), group.add(4)]);
  assert.deepEqual(
    results.map((result) => result.status === "rejected" && result.reason),
    [failure, failure],
  );
  await group.add(6);
});

test("flushing does what waits at once, and once", async () => {
  const { commits, group } = setUp();
  const waiting = group.add(2);
  group.flush();
  group.flush();
  assert.deepEqual(commits, [[2]]);
  await waiting;
  await turn();
  await group.add(4);
  assert.deepEqual(commits, [[2], [4]]);
});
