/** Names in signed metadata are chosen by whoever signs. Shown on a terminal, they must be nothing but names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countersign } from "../support/countersign.ts";
import { UpdateScene } from "../support/updateScene.ts";

const names = {
  escape: "\x1b[2J\x1b[31mclean",
  eightBit: "\x9b2Jclean",
  title: "\x1b]0;pwned\x07",
  turned: "\u202etxet",
  secondRow: `1.0\n9.9    ${"0".repeat(64)}    1    targets`,
};
const paths = ["\x1b[8mhidden", "a\nb"];

test("names from a server do not steer the terminal, and JSON keeps their values", async (t) => {
  const scene = await UpdateScene.open(t, (repository) => {
    repository.delegate("targets/a", { paths });
    const { targets } = repository.targets.get("targets") ?? assert.fail();
    for (const name of Object.values(names)) targets[name] = "content";
  });
  const { gun } = scene.repository;
  const run = (...args: string[]): ReturnType<typeof countersign> => countersign(args, { env: { HOME: scene.home } });
  const look = ["--server", scene.server.url, gun];
  const notary = ["notary", "-s", scene.server.url];
  for (const args of [
    ["inspect", "--pretty", ...look],
    ["inspect", ...look],
    [...notary, "list", gun],
    [...notary, "lookup", gun, names.escape],
    [...notary, "delegation", "list", gun],
    ["verify", "--first-use", "accept", "--json", "--server", scene.server.url, `${gun}:none`],
  ]) {
    const { stdout, stderr } = await run(...args);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/, args.join(" "));
    assert.doesNotMatch(stdout, /^9\.9/m, args.join(" "));
  }
  const [shown] = JSON.parse((await run("inspect", ...look)).stdout) as [{ SignedTags: { SignedTag: string }[] }];
  const tags = shown.SignedTags.map(({ SignedTag }) => SignedTag);
  assert.deepEqual(tags.toSorted(), [...Object.values(names), "app"].toSorted());
});
