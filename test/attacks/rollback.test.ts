/**
 * Attack classes "rollback" and "fast-forward" (TUF §9): older files, other files of a version already seen, and versions
 * that are no versions. In the notary dialect nothing but a file's own version counts, and rotating a key forgives nothing.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Floor } from "../../src/tuf/floors.ts";
import { TrustState } from "../../src/tuf/trustState.ts";
import { refuses, type Attack } from "../support/attack.ts";
import { failsWith } from "../support/failsWith.ts";
import { ecdsaKey, type Json } from "../support/rawMetadata.ts";
import { load, now, observe, past, RepoSimulator, type FileModel } from "../support/repoSimulator.ts";

const roles = ["timestamp", "snapshot", "targets", "targets/a"] as const;
type Role = (typeof roles)[number];

function model(repository: RepoSimulator, role: Role): FileModel {
  return role === "timestamp" || role === "snapshot" ? repository[role] : repository.of(role);
}

/** An honest collection at version 5 of everything. */
function atFive(repository: RepoSimulator): void {
  repository.delegate("targets/a", { target: "other" });
  for (let version = 1; version < 5; version++) repository.bump();
}

refuses(
  roles.flatMap((role): Attack[] => [
    {
      name: `an older ${role}`,
      given: atFive,
      attack: (repository) => {
        model(repository, role).version = 4;
        repository.build();
      },
      victims: ["a client that has seen it"],
      code: "TUF_ROLLBACK",
      message: "version 4 is lower than current version 5",
    },
    {
      name: `another ${role} of the version it saw`,
      given: atFive,
      attack: (repository) => {
        const changed = model(repository, role);
        changed.version = 5;
        changed.expires = "2036-05-02T00:00:00Z";
        repository.build();
      },
      victims: ["a client that has seen it"],
      code: "TUF_SAME_VERSION",
    },
  ]),
);

refuses([
  {
    name: "older targets that are smaller than those it saw",
    given: (repository) => {
      atFive(repository);
      repository.of("targets").targets = { app: "1", tool: "2", third: "3" };
    },
    attack: (repository) => {
      repository.of("targets").version = 4;
      repository.of("targets").targets = {};
      repository.build();
    },
    victims: ["a client that has seen it"],
    code: "TUF_ROLLBACK",
    message: "version 4 is lower than current version 5",
  },
  {
    name: "an older delegation under targets that stayed the same",
    given: atFive,
    attack: (repository) => {
      const targets = repository.file("targets");
      repository.of("targets/a").version = 4;
      repository.build();
      repository.files.set("targets", targets);
      repository.buildSnapshot();
    },
    victims: ["a client that has seen it"],
    code: "TUF_ROLLBACK",
    message: "version 4 is lower than current version 5",
  },
  {
    name: "an older delegation that has also expired, instead of leaving it out",
    given: atFive,
    attack: (repository) => {
      repository.of("targets/a").version = 4;
      repository.of("targets/a").expires = past;
      repository.build();
    },
    victims: ["a client that has seen it"],
    code: "TUF_ROLLBACK",
  },
  ...[2 ** 53, 2 ** 53 + 2, "7", 1.5, -1, 0, null, [1]].flatMap((version: Json): Attack[] => [
    {
      name: `version ${JSON.stringify(version)} of a timestamp`,
      attack: (repository) => {
        repository.timestamp.edit = (signed) => ({ ...signed, version });
        repository.build();
      },
      code: typeof version === "number" && (version > 2 ** 52 || version % 1 !== 0) ? "TUF_JSON" : "TUF_MALFORMED",
    },
  ]),
]);

describe("a root", () => {
  const versions = [
    { served: 1, code: "TUF_ROLLBACK", message: "version 1 is lower than current version 3" },
    { served: 3, code: "TUF_SAME_VERSION", message: "version 3 of root is not the root trusted so far" },
    { served: 5, code: "TUF_VERSION", message: "root version 5 came where version 4 had to follow" },
  ];
  for (const { served, code, message } of versions) {
    test(`of version ${served} is refused in the place of version 4`, () => {
      const repository = new RepoSimulator();
      repository.root.version = 3;
      const state = new TrustState({ gun: repository.gun, now });
      state.loadFirstRoot(repository.signRoot());
      repository.root.version = served;
      repository.root.expires = "2036-05-02T00:00:00Z";
      const before = observe(state);
      const other = repository.signRoot();
      assert.throws(() => state.updateRoot(other), failsWith(code, message));
      assert.deepEqual(observe(state), before);
    });
  }

  test("that is served again byte for byte changes nothing", () => {
    const repository = new RepoSimulator();
    const state = new TrustState({ gun: repository.gun, now });
    state.loadFirstRoot(repository.file("root"));
    load(state, repository);
    const before = observe(state);
    state.updateRoot(Buffer.from(repository.file("root")));
    assert.deepEqual(observe(state), before);
  });

  test("older than the one remembered is refused as the first one", () => {
    const repository = new RepoSimulator();
    const floors = new Map([["root", { version: 2 }]]);
    const state = new TrustState({ gun: repository.gun, now, floors });
    assert.throws(
      () => state.loadFirstRoot(repository.file("root")),
      failsWith("TUF_ROLLBACK", "version 1 is lower than current version 2"),
    );
    assert.equal(state.root, undefined);
  });

  test("of an old cache has to be followed up to the one remembered", () => {
    const repository = new RepoSimulator();
    const first = repository.file("root");
    const second = repository.rotateRoot();
    repository.build();
    const state = new TrustState({ gun: repository.gun, now, floors: new Map([["root", { version: 2 }]]) });
    state.loadTrustedRoot(first);
    assert.throws(() => state.finishRoot(), failsWith("TUF_ROLLBACK"));
    state.updateRoot(second);
    load(state, repository);
  });
});

describe("what was seen", () => {
  test("stays seen when the role's key is rotated", () => {
    const repository = new RepoSimulator();
    atFive(repository);
    const { state } = fresh(repository.build());
    load(state, repository);
    repository.roles.timestamp.keys = [ecdsaKey()];
    repository.rotateRoot(repository.roles.root.keys);
    repository.bump();
    repository.timestamp.version = 4;
    repository.build();
    assert.throws(
      () => load(state, repository),
      failsWith("TUF_ROLLBACK", "version 4 is lower than current version 5"),
    );
    repository.timestamp.version = 6;
    load(state, repository.build());
  });

  test("rises with every file accepted, and survives a wiped cache", () => {
    const repository = new RepoSimulator();
    repository.delegate("targets/a");
    const { state } = fresh(repository.build());
    load(state, repository);
    const versions = [...state.seen()].map(([role, { version }]) => [role, version]);
    assert.deepEqual(Object.fromEntries(versions), {
      root: 1,
      timestamp: 1,
      snapshot: 1,
      targets: 1,
      "targets/a": 1,
    });
  });

  test("includes cached files, even expired ones, that the cached root vouches for", () => {
    const repository = new RepoSimulator();
    atFive(repository);
    for (const role of roles) model(repository, role).expires = past;
    const cached = repository.build().copy();
    const { state } = fresh(repository);
    for (const role of roles) {
      assert.equal(state.rememberCached(role, cached.file(role)), true, role);
      assert.equal(state.seen().get(role)?.version, 5);
    }
  });

  test("does not include cached files that are damaged, signed by others, or below a parent that is", () => {
    const repository = new RepoSimulator();
    atFive(repository);
    repository.of("targets").signers = [ecdsaKey()];
    repository.build();
    const { state } = fresh(repository);
    assert.equal(state.rememberCached("timestamp", Buffer.from("x")), false);
    assert.equal(state.rememberCached("mirrors", repository.file("timestamp")), false);
    assert.equal(state.rememberCached("targets", repository.file("targets")), false);
    assert.equal(state.rememberCached("targets/a", repository.file("targets/a")), false);
    assert.deepEqual([...state.seen().keys()], ["root"]);
  });

  test("is not lowered by an older cache", () => {
    const repository = new RepoSimulator();
    const floors = new Map<string, Floor>([["timestamp", { version: 9, sha256: "00" }]]);
    const state = new TrustState({ gun: repository.gun, now, floors });
    state.loadTrustedRoot(repository.file("root"));
    state.rememberCached("timestamp", repository.file("timestamp"));
    assert.deepEqual(state.seen().get("timestamp"), { version: 9, sha256: "00" });
  });

  test("by version alone gets its hash with the first file of that version", () => {
    const repository = new RepoSimulator();
    const floors = new Map([["timestamp", { version: 1 }]]);
    const state = new TrustState({ gun: repository.gun, now, floors });
    state.loadTrustedRoot(repository.file("root"));
    load(state, repository);
    assert.match(state.seen().get("timestamp")?.sha256 ?? "", /^[0-9a-f]{64}$/);
  });
});

function fresh(repository: RepoSimulator): { readonly state: TrustState } {
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  return { state };
}
