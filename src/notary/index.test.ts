import assert from "node:assert/strict";
import test from "node:test";
import * as notary from "./index.ts";

test("the public surface changes only on purpose", () => {
  assert.deepEqual(Object.keys(notary).toSorted(), [
    "NotaryError",
    "ProtocolError",
    "TrustServer",
    "changefeedPath",
    "changefeedQuery",
    "collectionPath",
    "decodeChangefeed",
    "decodeErrorBody",
    "decodeKeyAnswer",
    "decodeUpload",
    "defaultUploadLimits",
    "encodeChangefeed",
    "encodeErrorBody",
    "encodeKeyAnswer",
    "encodeUpload",
    "errorContentType",
    "isLoopbackHost",
    "isOutage",
    "keyPath",
    "matchTrustRoute",
    "metadataPath",
    "notaryErrors",
    "parseChallenges",
    "parseChangefeedQuery",
    "parseMediaType",
    "parseNotaryAuth",
    "printable",
    "routeFacts",
    "serverErrorCodes",
    "validationDetail",
  ]);
});
