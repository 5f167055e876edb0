/**
 * Attacks as table rows: what the attacker does to a collection in memory, and how the rules have to refuse it. Each row is
 * run against a client that knows nothing but the root and one that has seen the collection before; each time the refusal has to
 * leave the state as it was, and an honest collection has to load afterwards.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TufCode } from "../../src/tuf/errors.ts";
import type { Limits } from "../../src/tuf/limits.ts";
import { TrustState } from "../../src/tuf/trustState.ts";
import { failsWith } from "./failsWith.ts";
import { load, now, observe, RepoSimulator } from "./repoSimulator.ts";

export type Victim = "a new client" | "a client that has seen it";

export interface Attack {
  /** Completes "refuses …". */
  readonly name: string;
  /** Prepares the honest collection, before anybody sees it. */
  readonly given?: (repository: RepoSimulator) => void;
  /** What the attacker serves, from an honest collection one version further (not yet built). */
  readonly attack: (repository: RepoSimulator) => void;
  readonly code: TufCode;
  /** Notary's text where it has one. */
  readonly message?: string | RegExp;
  readonly victims?: readonly Victim[];
  readonly limits?: Partial<Limits>;
}

export function refuses(attacks: readonly Attack[]): void {
  for (const attack of attacks) {
    for (const victim of attack.victims ?? ["a new client", "a client that has seen it"]) {
      test(`${victim} refuses ${attack.name}`, () => runAttack(attack, victim));
    }
  }
}

function runAttack({ given, attack, code, message, limits }: Attack, victim: Victim): void {
  const honest = new RepoSimulator();
  given?.(honest);
  honest.signRoot();
  honest.build();
  const root = honest.file("root");
  const seen = loaded(honest, root).seen();

  const attacked = honest.copy();
  attacked.bump();
  attack(attacked);
  const state = new TrustState({ gun: honest.gun, now, limits, floors: victim === "a new client" ? undefined : seen });
  state.loadTrustedRoot(root);
  const before = stepsUntilRefusal(state, attacked, failsWith(code, message));
  assert.deepEqual(observe(state), before, "the refusal changed the state");

  const later = honest.copy();
  later.bump();
  // What an attacker with a role's key made clients see stays seen: the honest owner goes on above it.
  for (const [role, { version }] of state.seen()) {
    const model = role === "snapshot" || role === "timestamp" ? later[role] : later.targets.get(role);
    if (model !== undefined) model.version = Math.max(model.version, version + 1);
  }
  later.files.set("root", Buffer.from(state.root?.bytes ?? root));
  later.roots.clear();
  load(state, later.build());
  assert.equal(state.nextRole(), undefined);
}

function loaded(repository: RepoSimulator, root: Uint8Array): TrustState {
  const state = new TrustState({ gun: repository.gun, now });
  state.loadFirstRoot(root);
  return load(state, repository);
}

/** Updates step by step until one throws as it has to. @returns what the state looked like before that step */
function stepsUntilRefusal(state: TrustState, repository: RepoSimulator, expected: (error: unknown) => true): object {
  let before = observe(state);
  const step = <T>(take: () => T): T => {
    before = observe(state);
    return take();
  };
  assert.throws(() => {
    for (let next = state.root!.version + 1; repository.roots.has(next); next++) {
      step(() => state.updateRoot(repository.roots.get(next)!));
    }
    step(() => state.finishRoot());
    step(() => state.updateTimestamp(repository.file("timestamp")));
    step(() => state.updateSnapshot(repository.file("snapshot")));
    for (let wanted = step(() => state.nextRole()); wanted !== undefined; wanted = step(() => state.nextRole())) {
      const { role } = wanted;
      step(() => state.updateTargets(role, repository.file(role)));
    }
  }, expected);
  return before;
}
