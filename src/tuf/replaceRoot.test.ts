import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { ecdsaKey, sha256Hex } from "../../test/support/rawMetadata.ts";
import { load, now, observe, past, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { TrustState } from "./trustState.ts";

function trusting(repository: RepoSimulator): TrustState {
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  return load(state, repository);
}

/** Root as before but for its expiry, under the same version. */
function signedAnew(repository: RepoSimulator, signers = repository.roles.root.keys): Buffer {
  repository.root.expires = "2036-05-02T00:00:00Z";
  return repository.signRoot(signers);
}

describe("another file of the trusted root version", () => {
  test("is taken when the root's own keys signed it, and the rest is loaded anew", () => {
    const repository = new RepoSimulator();
    const state = trusting(repository);
    const anew = signedAnew(repository);
    assert.equal(state.replaceRoot(anew).bytes, anew);
    assert.equal(state.timestamp, undefined);
    repository.bump();
    load(state, repository.build());
    assert.equal(state.targets.size, 1);
  });

  const refusals = [
    {
      name: "signed by other keys",
      offer: (repository: RepoSimulator) => signedAnew(repository, [repository.rootKey()]),
      code: "TUF_ROOT_ROTATION",
    },
    {
      name: "naming another targets key, though signed by its own",
      offer: (repository: RepoSimulator) => {
        repository.roles.targets.keys = [ecdsaKey()];
        return repository.signRoot();
      },
      code: "TUF_SAME_VERSION",
    },
    {
      name: "held by another root key, though signed by both",
      offer: (repository: RepoSimulator) => {
        const old = repository.roles.root.keys;
        repository.roles.root.keys = [repository.rootKey()];
        return repository.signRoot([...old, ...repository.roles.root.keys]);
      },
      code: "TUF_SAME_VERSION",
    },
    {
      name: "of the next version",
      offer: (repository: RepoSimulator) => repository.rotateRoot(),
      code: "TUF_VERSION",
    },
    {
      name: "of a collection created anew",
      offer: (repository: RepoSimulator) => new RepoSimulator(repository.gun).file("root"),
      code: "TUF_ROOT_ROTATION",
    },
  ] as const;
  for (const { name, offer, code } of refusals) {
    test(`is refused when it is ${name}, and changes nothing`, () => {
      const repository = new RepoSimulator();
      const state = trusting(repository);
      const offered = offer(repository);
      const before = observe(state);
      assert.throws(() => state.replaceRoot(offered), failsWith(code));
      assert.deepEqual(observe(state), before);
    });
  }

  test("is what is remembered from then on", () => {
    const repository = new RepoSimulator();
    const first = repository.file("root");
    const seen = trusting(repository).seen();
    const state = new TrustState({ gun: repository.gun, now, floors: seen });
    state.loadTrustedRoot(first);
    state.replaceRoot(signedAnew(repository));
    state.finishRoot();
    assert.equal(state.seen().get("root")?.sha256, sha256Hex(repository.file("root").toString()));

    const stale = new TrustState({ gun: repository.gun, now, floors: state.seen() });
    stale.loadTrustedRoot(first);
    assert.throws(() => stale.finishRoot(), failsWith("TUF_SAME_VERSION"));
    stale.replaceRoot(repository.file("root"));
    stale.finishRoot();
  });

  test("is still no way below the version remembered", () => {
    const repository = new RepoSimulator();
    const state = new TrustState({ gun: repository.gun, now, floors: new Map([["root", { version: 2 }]]) });
    state.loadTrustedRoot(repository.file("root"));
    state.replaceRoot(signedAnew(repository));
    assert.throws(() => state.finishRoot(), failsWith("TUF_ROLLBACK"));
  });

  test("that has expired is not remembered", () => {
    const repository = new RepoSimulator();
    const state = trusting(repository);
    const before = state.seen();
    repository.root.expires = past;
    state.replaceRoot(repository.signRoot());
    assert.throws(() => state.finishRoot(), failsWith("TUF_EXPIRED"));
    assert.deepEqual(state.seen(), before);
  });
});
