import assert from "node:assert/strict";
import test from "node:test";
import { parseChallenges } from "../transport/challenge.ts";
import { challengedScopes, repositoryScope } from "./tokenScope.ts";

const pull = repositoryScope("team/app", "pull");

const challenges: readonly (readonly [title: string, scope: string, wanted: readonly string[]])[] = [
  ["no scope", "", [pull]],
  ["the same scope", pull, [pull]],
  ["further rights in the same repository", "repository:team/app:delete", [pull, "repository:team/app:delete"]],
  ["a repository that was not asked about", "repository:other/app:push", [pull]],
  ["the catalogue", "registry:catalog:*", [pull]],
  ["several at once", "repository:x:pull repository:team/app:pull,push", [pull, "repository:team/app:pull,push"]],
  ["a name that only begins alike", "repository:team/app2:push", [pull]],
  ["nonsense", "push", [pull]],
];

for (const [title, scope, wanted] of challenges) {
  test(`a challenge with ${title} asks for ${wanted.join(" and ")}`, () => {
    const header = `Bearer realm="https://auth.example/token",scope="${scope}"`;
    assert.deepEqual(challengedScopes(parseChallenges([header]), [pull]), wanted);
  });
}
