/** `countersign up` in signed-only mode: what clients without any notion of content trust are given. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { multiPlatformSample, sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";

const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

describe("countersign up with COUNTERSIGN_SIGNED_ONLY_REPOSITORIES", () => {
  const site = suiteSite({ env: { COUNTERSIGN_SIGNED_ONLY_REPOSITORIES: "signed/* !signed/not/*" } });

  const get = (repository: string, reference: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${site.url}/v2/${repository}/manifests/${reference}`, { headers: { accept, ...headers } });
  const refuses = async (repository: string, reference: string, why: RegExp): Promise<void> => {
    const response = await get(repository, reference);
    assert.equal(response.status, 403, reference);
    const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
    assert.equal(errors[0]?.code, "DENIED");
    assert.match(errors[0].message, why);
    assert.equal((await fetch(response.url, { method: "HEAD", headers: { accept } })).status, 403);
  };
  const serves = async (repository: string, reference: string, digest: string): Promise<void> => {
    const response = await get(repository, reference);
    assert.equal(response.status, 200, reference);
    assert.equal(response.headers.get("docker-content-digest"), digest);
  };

  test("an image is served once it is signed, and a tag that is moved after that is not", async (t) => {
    const alice = new ImageUser(t);
    const [name, image, other] = [`${site.host}/signed/app:1.0`, sampleImage(), sampleImage({ layers: ["other\n"] })];
    await alice.push(image, name);
    const noData = /^signed\/app serves only what is signed: there is no trust data for 127\.0\.0\.1:\d+\/signed\/app$/;
    await refuses("signed/app", "1.0", noData);
    await refuses("signed/app", image.root.digest, noData);

    succeeded(await alice.run("sign", name));
    await serves("signed/app", "1.0", image.root.digest);
    await serves("signed/app", image.root.digest, image.root.digest);

    await alice.push(other, name);
    await refuses(
      "signed/app",
      "1.0",
      new RegExp(`1\\.0 is signed as ${image.root.digest}, not as ${other.root.digest}$`),
    );
    await refuses("signed/app", other.root.digest, /No valid trust data for sha256:/);
    await serves("signed/app", image.root.digest, image.root.digest);
    const copied = await alice.run("copy", name, `${site.host}/elsewhere/app:1.0`);
    assert.notEqual(copied.code, 0);
    assert.match(copied.stderr, /serves only what is signed/);
  });

  test("of an index that is signed the images for all platforms are served", async (t) => {
    const alice = new ImageUser(t);
    const [name, index] = [`${site.host}/signed/index:1.0`, multiPlatformSample()];
    await alice.push(index, name);
    const children = (
      JSON.parse((index.blobs.get(index.root.digest) ?? "").toString()) as { manifests: { digest: string }[] }
    ).manifests;
    assert.ok(children.length > 1);
    for (const { digest } of children) await refuses("signed/index", digest, /there is no trust data/);
    succeeded(await alice.run("sign", name));
    for (const { digest } of children) await serves("signed/index", digest, digest);
  });

  test("whoever is about to sign reads everything, and what is exempted is served to all", async (t) => {
    const alice = new ImageUser(t);
    const image = sampleImage({ layers: ["not signed\n"] });
    await alice.push(image, `${site.host}/signed/later:1.0`);
    await refuses("signed/later", "1.0", /no trust data/);
    assert.equal((await get("signed/later", "1.0", { "countersign-unsigned": "accept" })).status, 200);
    await alice.push(image, `${site.host}/signed/later:2.0`); // Finds the manifest there already.
    await alice.push(image, `${site.host}/signed/not/at-all:1.0`);
    await serves("signed/not/at-all", "1.0", image.root.digest);
  });
});
