import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { capturedRoot, captureClock, loadCaptured, loadOnline } from "../../test/support/capturedCollection.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { ecdsaKey, type JsonMembers } from "../../test/support/rawMetadata.ts";
import { load, now, observe, past, RepoSimulator, walkRoots } from "../../test/support/repoSimulator.ts";
import { readVector } from "../../test/support/vectors.ts";
import { listTargets } from "./delegationWalk.ts";
import type { RootPin } from "./rootTrust.ts";
import { TrustState } from "./trustState.ts";

describe("collections made by the original programs", () => {
  test("Docker's: two signers, releases, and a tag in targets alone", () => {
    const state = loadCaptured("client/docker-server-state/localhost:5000/team/app", "localhost:5000/team/app");
    assert.deepEqual([...state.targets.keys()], ["targets", "targets/alice", "targets/releases", "targets/bob"]);
    assert.deepEqual(state.skipped, []);
    assert.deepEqual(state.expiryNotices(), []);
  });

  test("Docker's without signers", () => {
    const state = loadCaptured(
      "client/docker-server-state/localhost:5000/team/nosigner",
      "localhost:5000/team/nosigner",
    );
    assert.deepEqual(
      listTargets(state.targets).map(({ role }) => role),
      ["targets", "targets"],
    );
  });

  test("Notary's: delegations with certificate and RSA keys, after rotations", () => {
    const state = loadCaptured("client/notary-server-state/example.test/team/tool", "example.test/team/tool");
    assert.deepEqual([...state.targets.keys()], ["targets", "targets/erin", "targets/frank", "targets/releases"]);
    assert.equal(state.root?.version, 4);
  });

  test("with an RSA root key", () => {
    const state = loadCaptured("client/rsa-root-metadata", "example.test/rsa/app");
    assert.equal(state.root?.signatures[0]?.method, "rsapss");
  });

  test("with target names that JSON has to escape", () => {
    const state = loadCaptured("client/odd-target-names", "example.test/strings");
    const names = listTargets(state.targets)
      .map(({ name }) => name)
      .join();
    for (const mark of ["<", ">", "&", "\u2028", '"', "\\", "\u007f"]) {
      assert.ok(names.includes(mark), JSON.stringify(mark));
    }
  });

  test("a reader at root 1 walks one by one to root 5", () => {
    const directory = "client/notary-home-root-rotations/server";
    const cache = "client/notary-home-root-rotations/client-at-v1/tuf/example.test/rot/app/metadata";
    const state = new TrustState({ gun: "example.test/rot/app", now: captureClock });
    state.loadTrustedRoot(readVector(`${cache}/root.json`));
    for (const role of ["timestamp", "snapshot", "targets"]) {
      assert.equal(state.rememberCached(role, readVector(`${cache}/${role}.json`)), true, role);
    }
    const newest = readVector(`${directory}/root.json`);
    assert.throws(() => state.updateRoot(newest), failsWith("TUF_VERSION"));
    for (let root = capturedRoot(directory, 2), version = 2; root !== undefined;) {
      assert.equal(state.updateRoot(root).version, version);
      root = capturedRoot(directory, ++version);
    }
    assert.deepEqual(Buffer.from(state.finishRoot().bytes), newest);
    loadOnline(state, directory);
    assert.equal(state.seen().get("root")?.version, 5);
  });
});

describe("the root of Docker Hub's debian", () => {
  const gun = "docker.io/library/debian";
  const bytes = readVector("real/debian-root.json");

  test("is trusted on a day before its expiry", () => {
    const state = new TrustState({ gun, now: new Date("2025-08-01T00:00:00Z") });
    const { body } = state.loadFirstRoot(bytes);
    assert.equal(body.keys.size, 4);
    for (const [id, key] of body.keys) {
      assert.equal(key.id, id);
    }
  });

  test("is refused as expired today", () => {
    const state = new TrustState({ gun, now: captureClock });
    assert.throws(
      () => state.loadFirstRoot(bytes),
      failsWith("TUF_EXPIRED", "root expired at Thu Aug 7 20:55:22 -0700 2025"),
    );
    assert.equal(state.root, undefined);
  });

  test("is refused for what it is when tampered with", () => {
    for (const date of ["2025-08-01", "2026-11-22"]) {
      const state = new TrustState({ gun, now: new Date(date) });
      assert.throws(
        () => state.loadFirstRoot(readVector("real/debian-root-tampered.json")),
        failsWith(
          "TUF_ROOT_CERTIFICATE",
          "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
        ),
      );
    }
  });
});

describe("delegations", () => {
  const faults = [
    { name: "expired", code: "TUF_EXPIRED", bend: { expires: past } },
    { name: "signed by nobody", code: "TUF_NO_SIGNATURES", bend: { signers: [] } },
    { name: "signed by another key", code: "TUF_THRESHOLD", bend: { signers: [ecdsaKey()] } },
  ];
  for (const { name, code, bend } of faults) {
    test(`${name} are left out with what is below them, and recorded with their file`, () => {
      const repository = new RepoSimulator();
      for (const role of ["targets/a", "targets/a/b", "targets/c"]) {
        repository.delegate(role);
      }
      Object.assign(repository.of("targets/a"), bend);
      const state = load(started(repository), repository.build());
      assert.deepEqual([...state.targets.keys()], ["targets", "targets/c"]);
      assert.deepEqual(
        state.skipped.map(({ role, reason, file }) => [role, reason.code, file?.version]),
        [["targets/a", code, 1]],
      );
      assert.equal(state.seen().has("targets/a"), false);
    });
  }

  test("are wanted depth first, parents before children, in the order they are listed", () => {
    const repository = new RepoSimulator();
    const roles = ["targets/z", "targets/z/y", "targets/z/a", "targets/b", "targets/b/c"];
    for (const role of roles) {
      repository.delegate(role);
    }
    const state = load(started(repository), repository.build());
    assert.deepEqual([...state.targets.keys()], ["targets", ...roles]);
  });
});

test("hundreds of thousands of delegations without a file are passed over", () => {
  const repository = new RepoSimulator();
  repository.delegate("targets/a");
  const [a] = repository.of("targets").delegations;
  repository.of("targets").edit = (signed) => {
    const { keys } = signed["delegations"] as { readonly keys: JsonMembers };
    const more = Array.from({ length: 300_000 }, (_, index) => {
      return { keyids: [], name: `targets/x${index}`, paths: [""], threshold: 1 };
    });
    const listed = { keyids: a?.keys.map(({ id }) => id) ?? [], name: "targets/a", paths: [""], threshold: 1 };
    return { ...signed, delegations: { keys, roles: [...more, listed] } };
  };
  const state = load(started(repository), repository.build());
  assert.deepEqual([...state.targets.keys()], ["targets", "targets/a"]);
});

describe("steps out of order", () => {
  test("are told from bad data", () => {
    const repository = new RepoSimulator();
    const state = new TrustState({ gun: repository.gun, now });
    const early = failsWith("TUF_NOT_LOADED");
    assert.throws(() => state.updateRoot(repository.file("root")), early);
    assert.throws(() => state.finishRoot(), early);
    assert.throws(() => state.updateTimestamp(repository.file("timestamp")), early);
    assert.throws(() => state.rememberCached("timestamp", repository.file("timestamp")), early);
    state.loadFirstRoot(repository.file("root"));
    assert.throws(() => state.updateSnapshot(repository.file("snapshot")), early);
    assert.throws(() => state.nextRole(), early);
    state.updateTimestamp(repository.file("timestamp"));
    state.updateSnapshot(repository.file("snapshot"));
    assert.throws(() => state.updateTargets("targets/a", repository.file("targets")), early);
  });
});

describe("limits on what is read", () => {
  test("are the listed lengths, once they are known", () => {
    const repository = new RepoSimulator();
    const state = started(repository);
    const limits = (): number[] => ["timestamp", "snapshot", "targets", "root"].map((role) => state.limitFor(role));
    const [timestamp, unknown] = [1024 * 1024, 100 * 1024 * 1024];
    assert.deepEqual(limits(), [timestamp, unknown, unknown, unknown]);
    load(state, repository);
    const [snapshot, targets] = ["snapshot", "targets"].map((role) => repository.file(role).byteLength);
    assert.deepEqual(limits(), [timestamp, snapshot, targets, unknown]);
  });
});

describe("the pin", () => {
  const onlyKey = (id: string): RootPin => ({ select: (leaves) => leaves.filter(({ key }) => key.id === id) });
  const nothing: RootPin = { select: () => [] };
  const mismatch =
    "could not validate the path to a trusted root: unable to match any certificates to trust_pinning config";

  test("decides about the first root", () => {
    const repository = new RepoSimulator();
    const pinned = onlyKey(repository.roles.root.keys[0]!.id);
    started(repository, pinned);
    assert.throws(() => started(repository, nothing), failsWith("TUF_ROOT_CERTIFICATE", mismatch));
  });

  test("says why it refuses", () => {
    const why = "could not load root cert from CA path";
    assert.throws(
      () => started(new RepoSimulator(), { select: () => why }),
      failsWith("TUF_ROOT_CERTIFICATE", `could not validate the path to a trusted root: ${why}`),
    );
  });

  test("of one of two needed keys leaves the root without its threshold", () => {
    const repository = new RepoSimulator();
    repository.roles.root = { keys: [repository.rootKey(), repository.rootKey()], threshold: 2 };
    repository.signRoot();
    assert.throws(
      () => started(repository, onlyKey(repository.roles.root.keys[0]!.id)),
      failsWith(
        "TUF_ROOT_CERTIFICATE",
        "could not validate the path to a trusted root: failed to validate integrity of roots",
      ),
    );
  });

  test("is not asked about a cached root and what follows it", () => {
    const repository = new RepoSimulator();
    const state = new TrustState({ gun: repository.gun, now, pin: nothing });
    state.loadTrustedRoot(repository.file("root"));
    repository.rotateRoot();
    load(state, repository.build());
    assert.equal(state.root?.version, 2);
  });

  test("is asked about the root that follows an expired one, the last of them alone", () => {
    const repository = new RepoSimulator();
    repository.root.expires = past;
    const cached = repository.signRoot();
    repository.root.expires = "2036-01-01T00:00:00Z";
    repository.rotateRoot();
    repository.rotateRoot();
    const refused = new TrustState({ gun: repository.gun, now, pin: nothing });
    refused.loadTrustedRoot(cached);
    assert.throws(() => walkRoots(refused, repository), failsWith("TUF_ROOT_CERTIFICATE", mismatch));
    const before = observe(refused);
    assert.throws(() => refused.updateTimestamp(repository.file("timestamp")), failsWith("TUF_ROOT_CERTIFICATE"));
    assert.deepEqual(observe(refused), before);

    const pin = onlyKey(repository.roles.root.keys[0]!.id);
    const state = new TrustState({ gun: repository.gun, now, pin });
    state.loadTrustedRoot(cached);
    load(state, repository.build());
    assert.equal(state.root?.version, 3);
  });
});

describe("notices", () => {
  test("name everything within six months of its expiry", () => {
    const repository = new RepoSimulator();
    repository.delegate("targets/a");
    const soon = "2026-10-01T00:00:00Z";
    repository.roles.root.keys = [repository.rootKey(new Date(soon))];
    for (const model of [repository.root, repository.snapshot, repository.timestamp, ...repository.targets.values()]) {
      model.expires = soon;
    }
    repository.signRoot();
    assert.deepEqual(load(started(repository), repository.build()).expiryNotices(), [
      "certificate with CN sim.test/app is near expiry",
      "root is nearing expiry, you should re-sign the role metadata",
      "targets metadata is nearing expiry, you should re-sign the role metadata",
      "targets/a metadata is nearing expiry, you should re-sign the role metadata",
      "snapshot is nearing expiry, you should re-sign the role metadata",
    ]);
  });
});

function started(repository: RepoSimulator, pin?: RootPin): TrustState {
  const state = new TrustState({ gun: repository.gun, now, pin });
  state.loadFirstRoot(repository.file("root"));
  return state;
}
