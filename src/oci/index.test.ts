import assert from "node:assert/strict";
import test from "node:test";
import * as oci from "./index.ts";

test("the public surface changes only on purpose", () => {
  assert.deepEqual(Object.keys(oci).toSorted(), [
    "ArchiveDestination",
    "DockerConfig",
    "EngineDestination",
    "LayoutDestination",
    "LayoutSource",
    "OciError",
    "RegistryClient",
    "RegistryDestination",
    "RegistrySource",
    "checkLayers",
    "compareImages",
    "copyImage",
    "digestOf",
    "dockerConfigDirectory",
    "engineSocket",
    "familiarName",
    "familiarText",
    "formatPlatform",
    "hostPlatform",
    "isAttestation",
    "isDigest",
    "isDockerHub",
    "ociErrors",
    "openArchive",
    "openEngineImage",
    "openRegistry",
    "parseImageName",
    "parseManifest",
    "parsePlatform",
    "readComparable",
    "readDockerTls",
    "readImageConfig",
    "readTree",
    "repositoryName",
    "selectPlatform",
    "withDefaultTag",
  ]);
});
