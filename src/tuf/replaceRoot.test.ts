import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { load, now, observe, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { Floors } from "./floors.ts";
import { notaryDialect } from "./notaryDialect.ts";
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

  test("raises the floor of root to its own hash", () => {
    const repository = new RepoSimulator();
    const floors = new Floors();
    floors.raise(notaryDialect.openFile("root", repository.file("root")));
    const anew = notaryDialect.openFile("root", signedAnew(repository));
    floors.check(anew);
    const before = floors.get("root")!.sha256;
    floors.raise(anew);
    assert.notEqual(floors.get("root")!.sha256, before);
  });
});
