import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { imageOf, indexOf, ListeningRegistry, refusalOf } from "../../test/support/registry.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { manifestTypes } from "../oci/mediaType.ts";
import type { SignedContent } from "./signedContent.ts";

const unsigned = { status: 403, codes: ["DENIED"] };

/** Trust data for tests: what is signed, by tag, in the repositories below `signed/`. */
class SignedTags implements SignedContent {
  readonly tags = new Map<string, string>();
  /** How often verdicts and lists were asked for. */
  checks = 0;
  lists = 0;
  failure: Error | undefined;

  covers(repository: string): boolean {
    return repository.startsWith("signed/");
  }

  async check(repository: string, digest: string, tag: string | undefined) {
    this.checks++;
    if (this.failure !== undefined) throw this.failure;
    const digests = tag === undefined ? [...this.tags.values()] : [this.tags.get(tag)];
    return digests.includes(digest)
      ? { signed: true as const }
      : { signed: false as const, reason: `${tag ?? digest} of ${repository} is not signed by alice` };
  }

  async signedDigests() {
    this.lists++;
    return [...new Set(this.tags.values())];
  }
}

async function start(t: TestContext) {
  const signed = new SignedTags();
  const registry = await ListeningRegistry.start(t, { signed });
  for (const repository of ["signed/app", "open/app"]) await registry.pushBlob(repository, "{}");
  return { registry, signed };
}

const image = (n: number): object => imageOf("{}", [], { annotations: { n: String(n) } });

test("a tag is served when it is signed as what it points to", async (t) => {
  const { registry, signed } = await start(t);
  const first = await registry.pushManifest("signed/app", image(1), "v1");
  const second = await registry.pushManifest("signed/app", image(2), "v2");
  signed.tags.set("v1", first);
  for (const method of ["GET", "HEAD"]) {
    for (const reference of ["v1", first]) {
      assert.equal((await registry.request(method, `/v2/signed/app/manifests/${reference}`)).status, 200);
    }
    assert.equal((await registry.request(method, "/v2/signed/app/manifests/v2")).status, 403);
  }
  const refused = await registry.get("/v2/signed/app/manifests/v2");
  assert.deepEqual(refusalOf(refused), unsigned);
  const { errors } = JSON.parse(refused.bytes.toString()) as { errors: { message: string; detail: object }[] };
  assert.equal(errors[0]?.message, "v2 of signed/app is not signed by alice");
  assert.deepEqual(errors[0].detail, { name: "signed/app", digest: second, tag: "v2" });
  assert.deepEqual(refusalOf(await registry.get(`/v2/signed/app/manifests/${second}`)), unsigned, "by digest neither");

  // Signing it is enough; nothing is remembered.
  signed.tags.set("v2", second);
  assert.equal((await registry.get("/v2/signed/app/manifests/v2")).status, 200);
  signed.tags.delete("v2");
  assert.deepEqual(refusalOf(await registry.get("/v2/signed/app/manifests/v2")), unsigned);
});

test("a tag that was moved is refused, also to content that is signed under another tag", async (t) => {
  const { registry, signed } = await start(t);
  const good = await registry.pushManifest("signed/app", image(1), "latest");
  signed.tags.set("latest", good);
  const older = await registry.pushManifest("signed/app", image(0), "old");
  signed.tags.set("old", older);
  assert.equal((await registry.get("/v2/signed/app/manifests/latest")).status, 200);
  await registry.pushManifest("signed/app", image(0), "latest");
  assert.deepEqual(refusalOf(await registry.get("/v2/signed/app/manifests/latest")), unsigned);
  assert.equal((await registry.get(`/v2/signed/app/manifests/${older}`)).status, 200);
});

test("other repositories serve everything, and nobody asks about them", async (t) => {
  const { registry, signed } = await start(t);
  await registry.pushManifest("open/app", image(1), "v1");
  assert.equal((await registry.get("/v2/open/app/manifests/v1")).status, 200);
  assert.equal(signed.checks, 0);
});

test("the platforms of a signed index are served, however deep, and not those of another", async (t) => {
  const { registry, signed } = await start(t);
  const amd64 = await registry.pushManifest("signed/app", image(1));
  const arm64 = await registry.pushManifest("signed/app", image(2));
  const other = await registry.pushManifest("signed/app", image(3));
  const inner = await registry.pushManifest("signed/app", indexOf([arm64]));
  const index = await registry.pushManifest(
    "signed/app",
    indexOf([amd64, { mediaType: manifestTypes.ociIndex, digest: inner, size: 1 }]),
    "v1",
  );
  await registry.pushManifest("signed/app", indexOf([other]), "unsigned");
  const get = (digest: string) => registry.get(`/v2/signed/app/manifests/${digest}`);
  assert.deepEqual(refusalOf(await get(amd64)), unsigned);
  signed.tags.set("v1", index);
  for (const digest of [index, amd64, inner, arm64]) assert.equal((await get(digest)).status, 200, digest);
  assert.deepEqual(refusalOf(await get(other)), unsigned);

  // Asked for again, the list of all that is signed is not walked again.
  const { lists } = signed;
  assert.equal((await get(arm64)).status, 200);
  assert.equal(signed.lists, lists);
  signed.tags.clear();
  assert.deepEqual(refusalOf(await get(arm64)), unsigned, "what is no longer signed");
});

test("a child is served as long as any signed index lists it", async (t) => {
  const { registry, signed } = await start(t);
  const child = await registry.pushManifest("signed/app", image(1));
  const [first, second] = [
    await registry.pushManifest("signed/app", indexOf([child], { annotations: { n: "1" } }), "v1"),
    await registry.pushManifest("signed/app", indexOf([child], { annotations: { n: "2" } }), "v2"),
  ];
  signed.tags.set("v1", first).set("v2", second);
  const path = `/v2/signed/app/manifests/${child}`;
  assert.equal((await registry.get(path)).status, 200);
  signed.tags.delete("v1");
  assert.equal((await registry.get(path)).status, 200);
  signed.tags.delete("v2");
  assert.deepEqual(refusalOf(await registry.get(path)), unsigned);
});

test("what is not there is 404 as anywhere", async (t) => {
  const { registry } = await start(t);
  const missing = await registry.get("/v2/signed/app/manifests/none");
  assert.deepEqual(refusalOf(missing), { status: 404, codes: ["MANIFEST_UNKNOWN"] });
});

test("pushing, listing and deleting need no signature", async (t) => {
  const { registry } = await start(t);
  const digest = await registry.pushManifest("signed/app", image(1), "v1");
  assert.equal((await registry.get("/v2/signed/app/tags/list")).status, 200);
  assert.equal((await registry.request("DELETE", `/v2/signed/app/manifests/${digest}`)).status, 202);
});

test("when it cannot be decided nothing is served", async (t) => {
  const { registry, signed } = await start(t);
  const digest = await registry.pushManifest("signed/app", image(1), "v1");
  signed.tags.set("v1", digest);
  signed.failure = new Error("the trust data at /secret is damaged");
  const answer = await registry.get("/v2/signed/app/manifests/v1");
  assert.deepEqual(refusalOf(answer), { status: 503, codes: ["UNAVAILABLE"] });
  assert.doesNotMatch(answer.bytes.toString(), /secret/);
  assert.match(JSON.stringify(registry.log), /secret is damaged/);
});

test("without access control, whoever says that they are about to sign reads everything", async (t) => {
  const { registry } = await start(t);
  await registry.pushManifest("signed/app", image(1), "v1");
  const path = "/v2/signed/app/manifests/v1";
  assert.equal((await registry.get(path, { "Countersign-Unsigned": "accept" })).status, 200);
  assert.deepEqual(refusalOf(await registry.get(path, { "Countersign-Unsigned": "yes" })), unsigned);
});

test("with access control, whoever may push reads everything, and saying so is not enough", async (t) => {
  const directory = temporaryDirectory(t);
  const publisher = await ListeningRegistry.start(t, { directory });
  await publisher.pushBlob("signed/app", "{}");
  await publisher.pushManifest("signed/app", image(1), "v1");
  await publisher.close();
  const registry = await ListeningRegistry.start(t, {
    directory,
    signed: new SignedTags(),
    access: {
      authorize: async ({ authorization }, required) =>
        authorization === "publisher" || required.every(({ action }) => action === "pull")
          ? { allowed: true }
          : { allowed: false, challenge: "Basic" },
    },
  });
  const path = "/v2/signed/app/manifests/v1";
  assert.equal((await registry.get(path, { Authorization: "publisher" })).status, 200);
  for (const headers of [{}, { Authorization: "reader" }, { "Countersign-Unsigned": "accept" }]) {
    assert.deepEqual(refusalOf(await registry.get(path, headers)), unsigned);
  }
});
