/** `countersign up` with its images on a real S3 service. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { startCountersign } from "../support/countersign.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { requirePeer, swiftPeers } from "../support/peers.ts";
import { makeBucket } from "../support/s3Bucket.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { startSwift } from "../support/swift.ts";

test("what one site has pushed to a bucket is served by another one", async (t) => {
  if (!requirePeer(t, ...swiftPeers)) return;
  const service = await startSwift(t);
  await makeBucket(service, "images");
  const env = {
    COUNTERSIGN_REGISTRY_STORAGE_S3_BUCKET: "images",
    COUNTERSIGN_REGISTRY_STORAGE_S3_PREFIX: "registry",
    COUNTERSIGN_REGISTRY_STORAGE_S3_ENDPOINT: service.endpoint,
    COUNTERSIGN_REGISTRY_STORAGE_S3_REGION: service.region,
    COUNTERSIGN_REGISTRY_STORAGE_S3_PATH_STYLE: "true",
    AWS_ACCESS_KEY_ID: service.accessKeyId,
    AWS_SECRET_ACCESS_KEY: service.secretAccessKey,
  };
  const [first, second] = await Promise.all([startCountersign(t, { env }), startCountersign(t, { env })]);
  const [alice, image] = [new ImageUser(t), sampleImage()];
  await alice.push(image, `${first.host}/team/app:1.0`);
  succeeded(await alice.run("copy", `${second.host}/team/app:1.0`, `${first.host}/team/copy:1.0`));
  assert.ok(!readdirSync(first.data).includes("registry"), "nothing of the images is kept on this machine");
});

test("a bucket that cannot be used is told at the start", async (t) => {
  const operator = new ImageUser(t, {
    COUNTERSIGN_REGISTRY_STORAGE_S3_BUCKET: "images",
    COUNTERSIGN_REGISTRY_STORAGE_S3_ENDPOINT: "http://127.0.0.1:1",
    AWS_ACCESS_KEY_ID: "a key",
    AWS_SECRET_ACCESS_KEY: "its secret",
  });
  const { code, stderr } = await operator.run("up", "--listen", "127.0.0.1:0");
  assert.equal(code, 1, stderr);
  assert.match(stderr, /\(REGISTRY_STORE_OPEN\)\n {2}hint: /);
});
