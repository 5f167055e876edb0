/** Attack class "indefinite freeze" (TUF §9): files that were good once, served past their time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TrustState } from "../../src/tuf/trustState.ts";
import { refuses } from "../support/attack.ts";
import { failsWith } from "../support/failsWith.ts";
import { future, load, now, observe, past, RepoSimulator, walkRoots, without } from "../support/repoSimulator.ts";

const pastText = "Fri May 1 00:00:00 UTC 2026";

refuses([
  {
    name: "an expired timestamp",
    attack: (repository) => {
      repository.timestamp.expires = past;
      repository.build();
    },
    code: "TUF_EXPIRED",
    message: `timestamp expired at ${pastText}`,
  },
  {
    name: "an expired snapshot",
    attack: (repository) => {
      repository.snapshot.expires = past;
      repository.build();
    },
    code: "TUF_EXPIRED",
    message: `snapshot expired at ${pastText}`,
  },
  {
    name: "expired targets",
    attack: (repository) => {
      repository.of("targets").expires = past;
      repository.build();
    },
    code: "TUF_EXPIRED",
    message: `targets expired at ${pastText}`,
  },
  {
    name: "a timestamp that expires this very moment",
    attack: (repository) => {
      repository.timestamp.expires = now.toISOString();
      repository.build();
    },
    code: "TUF_EXPIRED",
  },
  {
    name: "a timestamp that never says when it expires",
    attack: (repository) => {
      repository.timestamp.edit = (signed) => without(signed, "expires");
      repository.build();
    },
    code: "TUF_EXPIRED",
    message: "timestamp expired at Mon Jan 1 00:00:00 UTC 0001",
  },
  ...["garbage", "2036-02-31T00:00:00Z", "2036-05-01", "2036-05-01T00:00:00", ""].map((expires) => ({
    name: `a timestamp that expires at ${JSON.stringify(expires)}`,
    attack: (repository: RepoSimulator): void => {
      repository.timestamp.expires = expires;
      repository.build();
    },
    code: "TUF_MALFORMED" as const,
  })),
]);

describe("an expired root", () => {
  test("in between is no obstacle", () => {
    const repository = new RepoSimulator();
    const state = stateWithFirstRoot(repository);
    repository.root.expires = past;
    repository.rotateRoot();
    repository.root.expires = future;
    repository.rotateRoot();
    load(state, repository.build());
    assert.equal(state.root?.version, 3);
  });

  test("at the end refuses everything after it, until the owner makes another", () => {
    const repository = new RepoSimulator();
    const state = stateWithFirstRoot(repository);
    repository.root.expires = past;
    repository.rotateRoot();
    repository.build();
    assert.throws(() => walkRoots(state, repository), failsWith("TUF_EXPIRED", `root expired at ${pastText}`));
    const before = observe(state);
    assert.throws(() => state.updateTimestamp(repository.file("timestamp")), failsWith("TUF_EXPIRED"));
    assert.deepEqual(observe(state), before);
    repository.root.expires = future;
    repository.rotateRoot();
    load(state, repository.build());
    assert.equal(state.root?.version, 3);
  });

  test("of the cache only serves to verify its successor", () => {
    const repository = new RepoSimulator();
    repository.root.expires = past;
    const state = new TrustState({ gun: repository.gun, now });
    state.loadTrustedRoot(repository.signRoot());
    assert.equal(state.rootRenewal, "metadata");
    assert.throws(() => state.updateTimestamp(repository.build().file("timestamp")), failsWith("TUF_EXPIRED"));
    repository.root.expires = future;
    repository.rotateRoot();
    load(state, repository.build());
    assert.equal(state.rootRenewal, undefined);
  });

  test("is refused as the first one", () => {
    const repository = new RepoSimulator();
    repository.root.expires = past;
    const state = new TrustState({ gun: repository.gun, now });
    const bytes = repository.signRoot();
    assert.throws(() => state.loadFirstRoot(bytes), failsWith("TUF_EXPIRED", `root expired at ${pastText}`));
    assert.equal(state.root, undefined);
  });
});

describe("an expired root certificate", () => {
  const expired = new Date(past);

  test("in the cache leaves the way to a properly chained successor open", () => {
    const repository = new RepoSimulator();
    repository.roles.root.keys = [repository.rootKey(expired)];
    const state = new TrustState({ gun: repository.gun, now });
    state.loadTrustedRoot(repository.signRoot());
    assert.equal(state.rootRenewal, "certificate");
    repository.build();
    const why = "could not validate the path to a trusted root: unable to retrieve valid leaf certificates";
    assert.throws(() => state.updateTimestamp(repository.file("timestamp")), failsWith("TUF_ROOT_CERTIFICATE", why));
    repository.rotateRoot();
    load(state, repository.build());
    assert.equal(state.root?.version, 2);
  });

  test("in the cache does not open the way to a root of somebody else", () => {
    const repository = new RepoSimulator();
    repository.roles.root.keys = [repository.rootKey(expired)];
    const state = new TrustState({ gun: repository.gun, now });
    state.loadTrustedRoot(repository.signRoot());
    repository.rotateRoot();
    const foreign = repository.signRoot();
    assert.throws(() => state.updateRoot(foreign), failsWith("TUF_ROOT_ROTATION"));
    assert.equal(state.root?.version, 1);
  });

  test("in the newest root is refused", () => {
    const repository = new RepoSimulator();
    const state = stateWithFirstRoot(repository);
    repository.rotateRoot([repository.rootKey(expired)]);
    assert.throws(() => walkRoots(state, repository), failsWith("TUF_ROOT_CERTIFICATE"));
  });

  test("in the first root is refused, and the hint names it", () => {
    const repository = new RepoSimulator();
    repository.roles.root.keys = [repository.rootKey(expired)];
    const bytes = repository.signRoot();
    const state = new TrustState({ gun: repository.gun, now });
    assert.throws(
      () => state.loadFirstRoot(bytes),
      (error: unknown) => {
        failsWith("TUF_ROOT_CERTIFICATE")(error);
        assert.match((error as { hint: string }).hint, /expired at 2026-05-01/);
        return true;
      },
    );
  });
});

test("a cached timestamp past its time does not serve while the server is away", () => {
  const repository = new RepoSimulator();
  repository.timestamp.expires = "2026-06-02T00:00:00Z";
  repository.build();
  const state = stateWithFirstRoot(repository);
  state.updateTimestamp(repository.file("timestamp"));
  const dayAfter = new TrustState({ gun: repository.gun, now: new Date("2026-06-03T00:00:00Z"), floors: state.seen() });
  dayAfter.loadTrustedRoot(repository.file("root"));
  assert.throws(() => dayAfter.updateTimestamp(repository.file("timestamp")), failsWith("TUF_EXPIRED"));
});

function stateWithFirstRoot(repository: RepoSimulator): TrustState {
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  return state;
}
