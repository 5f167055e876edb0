/** Attack class "mix and match" (TUF §9): files that are each properly signed, but do not belong together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TrustState } from "../../src/tuf/trustState.ts";
import { refuses } from "../support/attack.ts";
import { failsWith } from "../support/failsWith.ts";
import { load, now, RepoSimulator } from "../support/repoSimulator.ts";

/** Serves the file that `role` had before the collection went one version further. */
function serveOld(repository: RepoSimulator, role: string): void {
  const old = repository.file(role);
  repository.build();
  repository.files.set(role, old);
}

refuses([
  {
    name: "another properly signed snapshot than the timestamp lists",
    attack: (repository) => serveOld(repository, "snapshot"),
    code: "TUF_CHECKSUM",
    message: /^sha256 checksum for snapshot did not match: expected [0-9a-f]{64}$/,
  },
  {
    name: "other properly signed targets than the snapshot lists",
    attack: (repository) => serveOld(repository, "targets"),
    code: "TUF_CHECKSUM",
    message: /^sha256 checksum for targets did not match: expected [0-9a-f]{64}$/,
  },
  {
    name: "another properly signed delegation than the snapshot lists",
    given: (repository) => void repository.delegate("targets/a"),
    attack: (repository) => serveOld(repository, "targets/a"),
    code: "TUF_CHECKSUM",
    message: /^sha256 checksum for targets\/a did not match: expected [0-9a-f]{64}$/,
  },
  {
    name: "a snapshot changed to the same length",
    attack: (repository) => {
      repository.build();
      const text = repository.file("snapshot").toString();
      repository.files.set("snapshot", Buffer.from(text.replace("2036", "2037")));
    },
    code: "TUF_CHECKSUM",
  },
  {
    name: "a file of which only the sha512 is another one",
    attack: (repository) => {
      repository.build();
      const other = repository.metaOf("root")["hashes"] as { sha512: string };
      const listed = repository.metaOf("snapshot") as { hashes: { sha256: string }; length: number };
      repository.timestamp.edit = (signed) => {
        return { ...signed, meta: { snapshot: { ...listed, hashes: { ...listed.hashes, sha512: other.sha512 } } } };
      };
      repository.buildTimestamp();
    },
    code: "TUF_CHECKSUM",
    message: /^sha512 checksum for snapshot did not match: expected [0-9a-f]{128}$/,
  },
]);

test("a snapshot made for another root is refused, and says which root is wanted", () => {
  const repository = new RepoSimulator();
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  const rotated = repository.rotateRoot();
  repository.build();
  state.updateTimestamp(repository.file("timestamp"));
  assert.throws(
    () => state.updateSnapshot(repository.file("snapshot")),
    failsWith("TUF_CHECKSUM", /^sha256 checksum for root did not match/),
  );
  assert.equal(state.snapshot, undefined);
  assert.equal(state.wantedRoot?.length, rotated.byteLength);
  load(state, repository);
  assert.equal(state.root?.version, 2);
});

test("a delegation that the snapshot does not list is not asked for", () => {
  const repository = new RepoSimulator();
  repository.delegate("targets/a");
  repository.delegate("targets/a/b");
  repository.delegate("targets/c");
  repository.unlisted.add("targets/a");
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  load(state, repository.build());
  assert.deepEqual([...state.targets.keys()], ["targets", "targets/c"]);
  assert.deepEqual(state.skipped, []);
});

test("a delegation seen before that the snapshot lists no longer is left out and recorded", () => {
  const repository = new RepoSimulator();
  repository.delegate("targets/a");
  const before = new TrustState({ gun: repository.gun, now });
  before.loadFirstRoot(repository.file("root"));
  load(before, repository.build());
  repository.unlisted.add("targets/a");
  repository.bump();
  const state = new TrustState({ gun: repository.gun, now, floors: before.seen() });
  state.loadTrustedRoot(repository.file("root"));
  load(state, repository.build());
  assert.deepEqual(
    state.skipped.map(({ role, reason, seenVersion }) => [role, reason.code, seenVersion]),
    [["targets/a", "TUF_NOT_IN_SNAPSHOT", 1]],
  );
});
