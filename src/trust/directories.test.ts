import assert from "node:assert/strict";
import { test } from "node:test";
import { configDirectory, dockerTrustDir, notaryTrustDir, stateDirectory } from "./directories.ts";

test("the originals' trust directories are theirs", () => {
  assert.equal(notaryTrustDir("/home/a"), "/home/a/.notary");
  assert.equal(dockerTrustDir("/home/a/.docker"), "/home/a/.docker/trust");
});

const cases = [
  { environment: {}, state: "/home/a/.local/state/countersign", config: "/home/a/.config/countersign" },
  { environment: { XDG_STATE_HOME: "/s", XDG_CONFIG_HOME: "/c" }, state: "/s/countersign", config: "/c/countersign" },
  {
    environment: { XDG_STATE_HOME: "relative" },
    state: "/home/a/.local/state/countersign",
    config: "/home/a/.config/countersign",
  },
  { environment: { COUNTERSIGN_HOME: "/cs", XDG_STATE_HOME: "/s" }, state: "/cs/state", config: "/cs/config" },
  {
    environment: { COUNTERSIGN_HOME: "" },
    state: "/home/a/.local/state/countersign",
    config: "/home/a/.config/countersign",
  },
];
for (const { environment, state, config } of cases) {
  test(`with ${JSON.stringify(environment)} our own state is in ${state}`, () => {
    assert.equal(stateDirectory(environment, "/home/a"), state);
    assert.equal(configDirectory(environment, "/home/a"), config);
  });
}
