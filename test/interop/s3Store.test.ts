import { test } from "node:test";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { openS3Store, type S3StoreOptions } from "../../src/registry/s3Store.ts";
import { garbageCollectionContract } from "../contracts/garbageCollection.ts";
import { registryStoreContract, type OpenStore } from "../contracts/registryStore.ts";
import { findPeer, requirePeer, swiftPeers } from "../support/peers.ts";
import { makeBucket } from "../support/s3Bucket.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { startSwift, type S3Service } from "../support/swift.ts";

const suite = suiteScope();
const bucket = "registry";
let service: Promise<S3Service> | undefined;

/** One Swift for all tests of this file; each gets a prefix of its own in the one bucket. */
function startOnce(): Promise<S3Service> {
  service ??= (async () => {
    const started = await startSwift(suite);
    await makeBucket(started, bucket);
    return started;
  })();
  return service;
}

async function optionsFor(prefix: string): Promise<S3StoreOptions> {
  const { endpoint, region, accessKeyId, secretAccessKey } = await startOnce();
  return { bucket, prefix, endpoint, region, pathStyle: true, credentials: { accessKeyId, secretAccessKey } };
}

async function make(): Promise<OpenStore> {
  const s3 = await optionsFor(`root/${randomUUID()}`);
  return (options) => openS3Store({ ...options, ...s3 });
}

if (swiftPeers.every((peer) => findPeer(peer) !== undefined)) {
  registryStoreContract("S3", make, 8);
  garbageCollectionContract("S3", make, 1);
} else {
  void test("the contract of the registry's stores on S3", (t: TestContext) => {
    requirePeer(t, ...swiftPeers);
  });
}
