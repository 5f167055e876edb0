import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256Hex } from "../../test/support/rawMetadata.ts";
import { now, RepoSimulator } from "../../test/support/repoSimulator.ts";
import type { SignedVerdict } from "../registry/signedContent.ts";
import type { LocalCollection, LocalCollections } from "../server/localCollections.ts";
import type { StoredFile } from "../server/store.ts";
import { PinPolicy } from "../trust/pins.ts";
import { parseSignedOnlyConfig, signedOnlyRules } from "./signedOnlyConfig.ts";
import { StoredSignatures } from "./storedSignatures.ts";

const gun = "sim.test/app";
const digestOf = (content: string): string => `sha256:${sha256Hex(content)}`;
const signed: SignedVerdict = { signed: true };

/** A trust server that holds one simulated collection, and what is asked of it. */
class Scene {
  readonly repository = new RepoSimulator(gun);
  readonly signatures: StoredSignatures;
  clock = now;
  reads = 0;
  failure: Error | undefined;

  constructor(repositories: string[], pins = PinPolicy.firstUse()) {
    const collections: LocalCollections = {
      current: async (name) => (name === gun ? this.#current() : undefined),
      file: async (name, role, sha256) => {
        this.reads++;
        if (this.failure !== undefined) throw this.failure;
        const file = this.#stored(role);
        return name === gun && file.sha256 === sha256 ? file : undefined;
      },
    };
    const rules = signedOnlyRules(parseSignedOnlyConfig({ repositories }));
    this.signatures = new StoredSignatures({
      rules,
      pins,
      collections,
      registry: () => "sim.test",
      now: () => this.clock,
    });
  }

  #current(): LocalCollection {
    const named = new Map([...this.repository.files.keys()].map((role) => [role, this.#stored(role).sha256]));
    return { timestamp: this.#stored("timestamp"), snapshot: this.#stored("snapshot"), named };
  }

  #stored(role: string): StoredFile {
    const bytes = this.repository.file(role);
    return { gun, role, version: 1, bytes, sha256: sha256Hex(bytes.toString()), createdAt: now };
  }
}

function reasonOf(verdict: SignedVerdict): string {
  assert.equal(verdict.signed, false);
  return verdict.signed ? "" : verdict.reason;
}

test("covers what the rules name, the most precise one deciding", () => {
  const { signatures } = new Scene(["team/*", "!team/tests/*", "team/tests/app", "one"]);
  const covered = ["team/app", "team/a/b", "team/tests/app", "one"];
  const open = ["team", "team/tests/other", "teams/app", "one/more", "other"];
  assert.deepEqual(
    [...covered, ...open].filter((repository) => signatures.covers(repository)),
    covered,
  );
});

test("says what is signed, and why the rest is not", async () => {
  const { signatures } = new Scene(["*"]);
  assert.deepEqual(await signatures.check("app", digestOf("app 1"), "app"), signed);
  assert.deepEqual(await signatures.check("app", digestOf("app 1"), undefined), signed);
  assert.ok((await signatures.signedDigests("app")).includes(digestOf("app 1")));
  const refusals: readonly (readonly [repository: string, content: string, tag: string | undefined, why: string])[] = [
    ["app", "moved", "app", `app is signed as ${digestOf("app 1")}, not as ${digestOf("moved")}`],
    ["app", "app 1", "other", "No valid trust data for other"],
    ["app", "moved", undefined, `No valid trust data for ${digestOf("moved")}`],
    ["absent", "app 1", "app", "there is no trust data for sim.test/absent"],
  ];
  for (const [repository, content, tag, why] of refusals) {
    const verdict = await signatures.check(repository, digestOf(content), tag);
    assert.equal(reasonOf(verdict), `${repository} serves only what is signed: ${why}`);
  }
  assert.deepEqual(await signatures.signedDigests("absent"), []);
});

test("requires the signers that the rule of the repository names", async () => {
  const { signatures } = new Scene(["*", "app=alice"]);
  const verdict = await signatures.check("app", digestOf("app 1"), "app");
  assert.match(reasonOf(verdict), /app of sim\.test\/app is not signed by alice$/);
  assert.deepEqual(await signatures.signedDigests("app"), []);
});

test("a collection that does not verify signs nothing", async () => {
  const scene = new Scene(["*"]);
  scene.repository.timestamp.signers = [];
  scene.repository.buildTimestamp();
  assert.match(reasonOf(await scene.signatures.check("app", digestOf("app 1"), "app")), /serves only what is signed: /);
  assert.deepEqual(await scene.signatures.signedDigests("app"), []);
});

test("with pins only collections of these root keys count", async () => {
  const pins = (id: string): PinPolicy =>
    PinPolicy.of({ rules: [{ gun: "*", pin: { kind: "keys", ids: [id] } }], otherwise: "none" });
  const other = new Scene(["*"], pins("0".repeat(64)));
  assert.match(reasonOf(await other.signatures.check("app", digestOf("app 1"), "app")), /path to a trusted root/);
});

test("verifies again when something was published, and when something expires, and not before", async () => {
  const scene = new Scene(["*"]);
  const { repository, signatures } = scene;
  const check = (content: string): Promise<SignedVerdict> => signatures.check("app", digestOf(content), "app");
  repository.timestamp.expires = "2026-06-01T00:30:00Z";
  repository.buildTimestamp();
  assert.deepEqual(await check("app 1"), signed);
  const { reads } = scene;
  assert.deepEqual(await check("app 1"), signed);
  assert.equal(scene.reads, reads, "nothing is read for what is known");

  repository.bump();
  repository.of("targets").targets = { app: "app 2" };
  repository.build();
  assert.deepEqual(await check("app 2"), signed);
  assert.match(reasonOf(await check("app 1")), /app is signed as .*, not as /);

  scene.clock = new Date("2026-06-01T00:29:59Z");
  assert.deepEqual(await check("app 2"), signed);
  scene.clock = new Date("2026-06-01T00:30:00Z");
  assert.match(reasonOf(await check("app 2")), /timestamp expired at /);
});

test("what cannot be read is an error, not a verdict", async () => {
  const scene = new Scene(["*"]);
  scene.failure = new Error("the disk is gone");
  await assert.rejects(scene.signatures.check("app", digestOf("app 1"), "app"), /the disk is gone/);
  await assert.rejects(scene.signatures.signedDigests("app"), /the disk is gone/);
});

test("a manifest may be wanted when it is signed, and when that cannot be verified any more", async () => {
  const scene = new Scene([]);
  const wanted = (repository: string, content: string): Promise<boolean> =>
    scene.signatures.mayBeWanted(repository, digestOf(content));
  assert.equal(await wanted("app", "app 1"), true);
  assert.equal(await wanted("app", "other"), false);
  assert.equal(await wanted("absent", "app 1"), false);
  scene.clock = new Date("2037-01-01");
  assert.equal(await wanted("app", "other"), true);
  scene.failure = new Error("the disk is gone");
  await assert.rejects(wanted("app", "app 1"), /the disk is gone/);
});
