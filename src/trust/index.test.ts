import assert from "node:assert/strict";
import { test } from "node:test";
import * as trust from "./index.ts";

/** A change here is a change for everybody who imports `countersign/trust`. */
const exported = [
  "Collection",
  "LastSeen",
  "PinPolicy",
  "TrustError",
  "VerifiedCollection",
  "configDirectory",
  "decideImage",
  "delegationKeysAddition",
  "delegationPathsAddition",
  "dockerTrustDir",
  "gunOfImage",
  "inspectCollection",
  "locateTrustServer",
  "notaryTrustDir",
  "parseGun",
  "renderInspectJson",
  "renderInspectPretty",
  "stateDirectory",
  "targetAddition",
  "targetRemoval",
  "trustErrors",
  "witnessing",
];

test("the public surface is what is listed here", () => {
  assert.deepEqual(Object.keys(trust).toSorted(), exported);
});
