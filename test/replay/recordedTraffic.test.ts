/**
 * The 402 requests around uploads and the 95 odd ones after them that were recorded from the original server (PostgreSQL,
 * remote signer), sent to ours in their order: the same status and headers, the same bytes for every refusal, every key and
 * every uploaded file, the same content of what the server makes itself. What differs on purpose is listed, with the reason.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeCases, recordedUploads } from "../support/recordedExchange.ts";
import { ReplayedServer, replayAll } from "../support/replayedServer.ts";
import type { Divergences } from "../support/replayedServer.ts";
import { accepted, malformedJson, refused } from "../support/uploadCase.ts";

const noSnapshotKey = {
  answer: refused(
    "ErrBadHierarchy",
    "no snapshot was included in update and server does not hold current snapshot key for repository",
  ),
  because: "a key the signer does not hold is the publisher's business; the original shows its inner error instead",
};
const noTimestampKey = {
  answer: refused("ErrBadRoot", "no  timestamp keys exist on the server"),
  because: noSnapshotKey.because,
};
const servedAsUploaded = {
  answer: accepted,
  because: "the snapshot has the hash of the bytes uploaded, not of what another writer would have made of them",
};

function strictJson(byte: number, what: string): Divergences[string] {
  return {
    answer: refused("ErrBadTargets", `invalid JSON at byte ${byte}: ${what}`),
    because: "only JSON with one reading is taken, and the refusal names the place",
  };
}

const uploadDivergences: Divergences = {
  "36 client-managed snapshot missing": noSnapshotKey,
  "67 timestamp key not server's": noTimestampKey,
  "89 trailing junk after json": {
    answer: malformedJson,
    because: "it is no JSON, and the whole file is looked at at once",
  },
  "134 server->client snapshot w/o snapshot": noSnapshotKey,
  "144 rotate timestamp to foreign": noTimestampKey,
  "168 client snap: targets only": noSnapshotKey,
  "179 GET missing delegation": {
    answer: { status: 404, code: "METADATA_NOT_FOUND", detail: {} },
    because: "a delegation that was never published is not there; that is no failure of the server",
  },
  "185 nested gap a/x/y": {
    answer: refused("ErrBadTargets", "tuf: invalid role targets/a/x/y. delegation does not exist"),
    because: "a missing parent is passed over with every store, not only the one in memory",
  },
  "225 ->GET targets": servedAsUploaded,
  "227 -> sn": servedAsUploaded,
  "231 ->GET targets": servedAsUploaded,
  "239 ->GET targets": servedAsUploaded,
  "242 float in custom": strictJson(217, "a number that is not written as an integer"),
  "245 length 2^53+1": strictJson(201, "a number beyond 2^53 - 1"),
  "270 version 2^53+2": strictJson(132, "a number beyond 2^53 - 1"),
  "319 case-insens Signed": {
    answer: refused("ErrBadTargets", "tuf: data has no signatures"),
    because: "member names are exact: `SIGNED` is another one than `signed`",
  },
  "368 lone surrogate -> U+FFFD": strictJson(118, "a lone surrogate in a string"),
  "383 float 1.0 -> 1": strictJson(129, "a number that is not written as an integer"),
  "386 big 2^53 ok": strictJson(129, "a number beyond 2^53 - 1"),
  "389 2^53+1 rounds to 2^53": strictJson(129, "a number beyond 2^53 - 1"),
  "392 1e20 (int64 overflow) -> -9223372036854775808?": strictJson(129, "a number that is not written as an integer"),
  "395 dup key last wins": strictJson(146, 'duplicate member "length"'),
};

const notUnderThisName: Divergences[string] = {
  answer: { status: 404, code: "METADATA_NOT_FOUND", detail: {} },
  because: "the original's cache knows files by checksum only: under other roles, under other GUNs and after deletion",
};
const servedForHead: Divergences[string] = {
  answer: { status: 200 },
  because: "HEAD is answered wherever GET is (except for keys, which asking may create)",
};
const malformedUpload: Divergences[string] = {
  answer: { status: 400, code: "MALFORMED_UPLOAD" },
  because: "the original's handler crashes and the connection is closed",
};

const edgeDivergences: Divergences = {
  "8 GET /v2/GUN/_trust/tuf/0.root.json": {
    answer: notUnderThisName.answer,
    because: "there is no version 0; the original's query forgets the version and finds any",
  },
  "22 GET /v2/GUN/_trust/tuf/targets.a31cea5b7a989286e603d7d0bfc9f0262162dbe08b4490d5695abcbb71c76f61.json":
    notUnderThisName,
  "25 GET /v2/GUN/_trust/tuf/targets/nope.json": uploadDivergences["179 GET missing delegation"]!,
  "26 GET /v2/GUN/_trust/tuf/targets/NOPE.json": uploadDivergences["179 GET missing delegation"]!,
  "32 HEAD /v2/GUN/_trust/tuf/root.json": servedForHead,
  "47 HEAD /v2/": servedForHead,
  "64 HEAD /_notary_server/health": servedForHead,
  "68 GET /v2/_trust/changefeed?records=0": {
    answer: accepted,
    because: "it counts the uploads before it, and some of them were refused by us",
  },
  "83 GET /v2/GUN/_trust/tuf/root.a31cea5b7a989286e603d7d0bfc9f0262162dbe08b4490d5695abcbb71c76f61.json":
    notUnderThisName,
  "84 GET /v2/other/_trust/tuf/root.a31cea5b7a989286e603d7d0bfc9f0262162dbe08b4490d5695abcbb71c76f61.json":
    notUnderThisName,
  "91 (setup) POST /v2/GUN/_trust/tuf/": malformedUpload,
  "92 (setup) POST /v2/GUN/_trust/tuf/": malformedUpload,
};

test("recorded uploads and edge cases are answered as the original answered them", async (t) => {
  const server = await ReplayedServer.start(t, "server/uploads/signer-private-keys.json");
  const [uploads, cases] = [recordedUploads(), edgeCases()];
  assert.deepEqual([uploads.length, cases.length], [402, 95]);
  await replayAll(server, uploads, uploadDivergences);
  // These were recorded after the uploads, on the same server: the changefeed knows them.
  await replayAll(server, cases, edgeDivergences);
  assert.deepEqual(server.failures, [], "no refusal is a failure of the server");
});
