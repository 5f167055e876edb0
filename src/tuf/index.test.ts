import assert from "node:assert/strict";
import { test } from "node:test";
import * as tuf from "./index.ts";

test("the public names of the rules are these and no others", () => {
  assert.deepEqual(Object.keys(tuf).sort(), [
    "CollectionEditor",
    "CountersignError",
    "TrustState",
    "TufError",
    "canonicalKeyId",
    "canonicalize",
    "checkExpiry",
    "checkFile",
    "checkVersionFloor",
    "defaultExpiryDays",
    "defaultLimits",
    "fileMetaOf",
    "findAllTargets",
    "findTarget",
    "formatTime",
    "isBaseRole",
    "isDelegation",
    "isRole",
    "keyFromJson",
    "keyToJson",
    "listDelegations",
    "listTargets",
    "makeSnapshot",
    "makeTimestamp",
    "notaryDialect",
    "parentRole",
    "parseJson",
    "parseTime",
    "publicKey",
    "rootCertificates",
    "signMetadata",
    "timeAfterDays",
    "tufErrors",
    "validateRoot",
    "verifySignature",
    "verifyThreshold",
  ]);
});
