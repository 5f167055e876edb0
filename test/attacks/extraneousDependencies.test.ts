/** Attack class "extraneous dependencies" (TUF §9): content that rides along with what was signed, or is signed out of turn. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findAllTargets, findTarget, listTargets } from "../../src/tuf/delegationWalk.ts";
import { checkFile } from "../../src/tuf/hash.ts";
import { TrustState } from "../../src/tuf/trustState.ts";
import { refuses } from "../support/attack.ts";
import { failsWith } from "../support/failsWith.ts";
import type { JsonMembers } from "../support/rawMetadata.ts";
import { load, now, RepoSimulator } from "../support/repoSimulator.ts";

function withCustom(signed: JsonMembers, custom: string): JsonMembers {
  const targets = signed["targets"] as Record<string, JsonMembers>;
  return { ...signed, targets: { app: { ...targets["app"]!, custom } } };
}

refuses([
  {
    name: "a `custom` value changed after signing",
    attack: (repository) => {
      repository.of("targets").edit = (signed) => withCustom(signed, "needs nothing");
      repository.build();
      const text = repository.file("targets").toString();
      repository.files.set("targets", Buffer.from(text.replace("needs nothing", "needs malware")));
      repository.buildSnapshot();
    },
    code: "TUF_THRESHOLD",
  },
  {
    name: "a second `targets` member",
    attack: (repository) => {
      repository.build();
      const text = repository.file("targets").toString();
      repository.files.set("targets", Buffer.from(text.replace('"targets":{', '"targets":{},"targets":{')));
      repository.buildSnapshot();
    },
    code: "TUF_JSON",
  },
]);

describe("members beside `signed`", () => {
  test("mean nothing", () => {
    const repository = new RepoSimulator();
    repository.build();
    const text = repository.file("targets").toString();
    const beside = `{"targets":{"evil":{"hashes":{},"length":1}},${text.slice(1)}`;
    repository.files.set("targets", Buffer.from(beside));
    const state = loaded(repository.buildSnapshot());
    assert.deepEqual(
      listTargets(state.targets).map(({ name }) => name),
      ["app"],
    );
  });
});

describe("a delegation", () => {
  test("does not speak for names outside its paths", () => {
    const repository = new RepoSimulator();
    repository.delegate("targets/a", { paths: ["a/"], target: "b/tool" });
    repository.of("targets/a").targets["a/tool"] = "fine";
    const { targets } = loaded(repository.build());
    assert.throws(
      () => findTarget(targets, "b/tool"),
      failsWith("TUF_NO_SUCH_TARGET", "No valid trust data for b/tool"),
    );
    assert.deepEqual(findAllTargets(targets, "b/tool"), []);
    assert.equal(findTarget(targets, "a/tool").role, "targets/a");
    assert.deepEqual(
      listTargets(targets).map(({ name }) => name),
      ["app", "a/tool"],
    );
  });

  test("does not speak for names outside its parent's paths", () => {
    const repository = new RepoSimulator();
    repository.delegate("targets/a", { paths: ["a/"], target: "a/tool" });
    repository.delegate("targets/a/b", { paths: ["", "b/", "a/b/"], target: "b/tool" });
    repository.of("targets/a/b").targets["a/b/tool"] = "fine";
    const { targets } = loaded(repository.build());
    assert.throws(() => findTarget(targets, "b/tool"), failsWith("TUF_NO_SUCH_TARGET"));
    assert.equal(findTarget(targets, "a/b/tool").role, "targets/a/b");
  });

  test("does not override its parent", () => {
    const repository = new RepoSimulator();
    repository.delegate("targets/a", { target: "app" });
    const { targets } = loaded(repository.build());
    assert.equal(findTarget(targets, "app").role, "targets");
  });
});

describe("a target entry", () => {
  const entries: [string, JsonMembers][] = [
    ["without hashes", { hashes: {}, length: 5 }],
    ["with hashes of unknown algorithms only", { hashes: { md5: "AAAA" }, length: 5 }],
    ["that is null", {}],
    ["with a negative length", { hashes: {}, length: -1 }],
  ];
  for (const [what, entry] of entries) {
    test(`${what} fits no content`, () => {
      const repository = new RepoSimulator();
      repository.of("targets").edit = (signed) => ({ ...signed, targets: { app: entry } });
      const { meta } = findTarget(loaded(repository.build()).targets, "app");
      for (const content of ["", "12345"]) {
        assert.throws(
          () => checkFile(meta, Buffer.from(content), "app"),
          (error: unknown) => ["TUF_CHECKSUM", "TUF_LENGTH"].includes((error as { code: string }).code),
        );
      }
    });
  }

  for (const name of ["__proto__", "constructor", "../../etc/passwd", "a\\b", ""]) {
    test(`may be called ${JSON.stringify(name)}`, () => {
      const repository = new RepoSimulator();
      const entry = { hashes: { sha256: "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=" }, length: 1 };
      repository.of("targets").edit = (signed) => ({ ...signed, targets: namedMembers(name, entry) });
      const { targets } = loaded(repository.build());
      checkFile(findTarget(targets, name).meta, Buffer.from("a"), name);
      for (const other of ["toString", "hasOwnProperty", "valueOf"]) {
        assert.throws(() => findTarget(targets, other), failsWith("TUF_NO_SUCH_TARGET"));
      }
    });
  }
});

function namedMembers(name: string, value: JsonMembers): JsonMembers {
  return Object.fromEntries([[name, value]]);
}

function loaded(repository: RepoSimulator): TrustState {
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(repository.file("root"));
  return load(state, repository);
}
