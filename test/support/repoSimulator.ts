/**
 * A collection in memory that a test bends: set fields, build, and hand the files to a TrustState. Made with the hand-written
 * metadata of rawMetadata.ts, so that the product's own writers take no part in judging its readers.
 */
import type { TrustState } from "../../src/tuf/trustState.ts";
import {
  certificateKey,
  ecdsaKey,
  fileMeta,
  sha256Hex,
  signedFile,
  type Json,
  type JsonMembers,
  type TestKey,
} from "./rawMetadata.ts";

/** The moment all simulated collections are judged at. */
export const now = new Date("2026-06-01T00:00:00Z");
export const past = "2026-05-01T00:00:00Z";
export const future = "2036-05-01T00:00:00Z";

/** What the tests bend in one file. */
export interface FileModel {
  version: number;
  expires: string;
  /** Who signs; the keys of the role when undefined. */
  signers?: readonly TestKey[] | undefined;
  /** Changes the signed part before it is signed. */
  edit?: ((signed: JsonMembers) => JsonMembers) | undefined;
}

export interface RoleModel {
  keys: TestKey[];
  threshold: number;
}

export interface DelegationModel extends RoleModel {
  name: string;
  paths: string[];
}

export interface TargetsModel extends FileModel {
  /** Content by target name. */
  targets: Record<string, string>;
  delegations: DelegationModel[];
}

export type BaseRoleName = "root" | "targets" | "snapshot" | "timestamp";

export class RepoSimulator {
  readonly gun: string;
  readonly roles: Record<BaseRoleName, RoleModel>;
  readonly root: FileModel = { version: 1, expires: future };
  readonly targets = new Map<string, TargetsModel>();
  readonly snapshot: FileModel = { version: 1, expires: future };
  readonly timestamp: FileModel = { version: 1, expires: future };
  /** Every root file published, by version. */
  readonly roots = new Map<number, Buffer>();
  /** The files as they are served. An attack may put others in their place. */
  readonly files = new Map<string, Buffer>();
  /** Roles the snapshot does not list although they have a file. */
  readonly unlisted = new Set<string>();

  /** A collection with one target `app`, published as version 1. */
  constructor(gun = "sim.test/app") {
    this.gun = gun;
    this.roles = {
      root: { keys: [this.rootKey()], threshold: 1 },
      targets: { keys: [ecdsaKey()], threshold: 1 },
      snapshot: { keys: [ecdsaKey()], threshold: 1 },
      timestamp: { keys: [ecdsaKey()], threshold: 1 },
    };
    this.targets.set("targets", { version: 1, expires: future, targets: { app: "app 1" }, delegations: [] });
    this.signRoot();
    this.build();
  }

  /** The same collection with the same keys and files, to be bent apart from this one. */
  copy(): RepoSimulator {
    const copy = new RepoSimulator(this.gun);
    for (const [role, { keys, threshold }] of Object.entries(this.roles)) {
      copy.roles[role as BaseRoleName] = { keys: [...keys], threshold };
    }
    Object.assign(copy.root, this.root);
    Object.assign(copy.snapshot, this.snapshot);
    Object.assign(copy.timestamp, this.timestamp);
    for (const [role, model] of this.targets) {
      const delegations = model.delegations.map((one) => ({ ...one, keys: [...one.keys], paths: [...one.paths] }));
      copy.targets.set(role, { ...model, targets: { ...model.targets }, delegations });
    }
    this.roots.forEach((file, version) => copy.roots.set(version, file));
    this.files.forEach((file, role) => copy.files.set(role, file));
    this.unlisted.forEach((role) => copy.unlisted.add(role));
    return copy;
  }

  /** A certificate for the collection, valid around `now`. */
  rootKey(notAfter = new Date(future)): TestKey {
    return certificateKey(this.gun, { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter });
  }

  /** Delegates to `name` and gives it a file with one target. */
  delegate(name: string, { paths = [""], threshold = 1, keys = [ecdsaKey()], target = "app" } = {}): TestKey[] {
    const parent = name.slice(0, name.lastIndexOf("/"));
    this.of(parent).delegations.push({ name, keys, threshold, paths });
    this.targets.set(name, { version: 1, expires: future, targets: { [target]: name }, delegations: [] });
    return keys;
  }

  /** The model of a targets file. */
  of(role: string): TargetsModel {
    const model = this.targets.get(role);
    if (model === undefined) throw new Error(`the simulated collection has no ${role}`);
    return model;
  }

  /** Everything but root one version higher, as after an honest publish. */
  bump(): void {
    for (const model of [...this.targets.values(), this.snapshot, this.timestamp]) model.version++;
  }

  /** Publishes root as it is now. `signers` defaults to the keys of the role. */
  signRoot(signers: readonly TestKey[] = this.roles.root.keys): Buffer {
    const roles = Object.entries(this.roles);
    const signed: JsonMembers = {
      _type: "Root",
      consistent_snapshot: false,
      expires: this.root.expires,
      keys: Object.fromEntries(roles.flatMap(([, { keys }]) => keys.map((key) => [key.id, key.json]))),
      roles: Object.fromEntries(roles.map(([role, model]) => [role, roleJson(model)])),
      version: this.root.version,
    };
    const file = this.#sign(signed, this.root, signers);
    this.roots.set(this.root.version, file);
    this.files.set("root", file);
    return file;
  }

  /** The next root, its root role held by `keys`, signed by old and new. */
  rotateRoot(keys: TestKey[] = [this.rootKey()]): Buffer {
    const signers = new Set([...this.roles.root.keys, ...keys]);
    this.roles.root = { keys, threshold: 1 };
    this.root.version++;
    return this.signRoot([...signers]);
  }

  /** Signs everything but root anew, from the fields as they are. */
  build(): this {
    for (const [role, model] of this.targets) {
      this.files.set(role, this.#sign(targetsJson(model), model, this.#keysOf(role)));
    }
    return this.buildSnapshot();
  }

  /** Signs the snapshot over the files that are there, then the timestamp. */
  buildSnapshot(): this {
    const listed = ["root", ...this.targets.keys()].filter((role) => !this.unlisted.has(role));
    const signed: JsonMembers = {
      _type: "Snapshot",
      expires: this.snapshot.expires,
      meta: Object.fromEntries(listed.map((role) => [role, this.metaOf(role)])),
      version: this.snapshot.version,
    };
    this.files.set("snapshot", this.#sign(signed, this.snapshot, this.roles.snapshot.keys));
    return this.buildTimestamp();
  }

  /** Signs the timestamp over the snapshot that is there. */
  buildTimestamp(): this {
    const signed: JsonMembers = {
      _type: "Timestamp",
      expires: this.timestamp.expires,
      meta: { snapshot: this.metaOf("snapshot") },
      version: this.timestamp.version,
    };
    this.files.set("timestamp", this.#sign(signed, this.timestamp, this.roles.timestamp.keys));
    return this;
  }

  /** What a parent file says about the file of `role` as served. */
  metaOf(role: string): JsonMembers {
    return fileMeta(this.file(role).toString());
  }

  file(role: string): Buffer {
    const file = this.files.get(role);
    if (file === undefined) throw new Error(`the simulated collection serves no ${role}`);
    return file;
  }

  #keysOf(role: string): readonly TestKey[] {
    if (role === "targets") return this.roles.targets.keys;
    const parent = this.of(role.slice(0, role.lastIndexOf("/")));
    return parent.delegations.find(({ name }) => name === role)?.keys ?? [];
  }

  #sign(signed: JsonMembers, model: FileModel, keys: readonly TestKey[]): Buffer {
    return Buffer.from(signedFile(model.edit?.(signed) ?? signed, model.signers ?? keys));
  }
}

/** Walks the roots that follow, as far as they are served. */
export function walkRoots(state: TrustState, { roots }: RepoSimulator): void {
  for (let next = following(state, roots); next !== undefined; next = following(state, roots)) {
    state.updateRoot(next);
  }
  state.finishRoot();
}

/** A whole update, as an updater makes it, from a state that has a root. */
export function load(state: TrustState, repository: RepoSimulator): TrustState {
  walkRoots(state, repository);
  state.updateTimestamp(repository.file("timestamp"));
  state.updateSnapshot(repository.file("snapshot"));
  loadTargets(state, repository);
  return state;
}

export function loadTargets(state: TrustState, repository: RepoSimulator): void {
  for (let wanted = state.nextRole(); wanted !== undefined; wanted = state.nextRole()) {
    state.updateTargets(wanted.role, repository.file(wanted.role));
  }
}

/** All of a state that a refusal must leave as it was. */
export function observe(state: TrustState): object {
  const file = (from: { readonly bytes: Uint8Array } | undefined): string | undefined => from && hash(from.bytes);
  return {
    root: file(state.root),
    renewal: state.rootRenewal,
    timestamp: file(state.timestamp),
    snapshot: file(state.snapshot),
    targets: new Map([...state.targets].map(([role, { bytes }]) => [role, hash(bytes)])),
    skipped: state.skipped.map(({ role, reason }) => [role, reason.code]),
    seen: state.seen(),
  };
}

/** An object without one of its members. */
export function without(members: JsonMembers, name: string): JsonMembers {
  return Object.fromEntries(Object.entries(members).filter(([member]) => member !== name));
}

function following(state: TrustState, roots: ReadonlyMap<number, Buffer>): Buffer | undefined {
  return roots.get((state.root?.version ?? 0) + 1);
}

function hash(bytes: Uint8Array): string {
  return sha256Hex(Buffer.from(bytes).toString());
}

function roleJson({ keys, threshold }: RoleModel): JsonMembers {
  return { keyids: keys.map(({ id }) => id), threshold };
}

function targetsJson({ version, expires, targets, delegations }: TargetsModel): JsonMembers {
  const keys = delegations.flatMap((delegation) => delegation.keys.map((key): [string, Json] => [key.id, key.json]));
  const roles = delegations.map(({ name, paths, ...role }) => ({ ...roleJson(role), name, paths }));
  return {
    _type: "Targets",
    delegations: { keys: Object.fromEntries(keys), roles },
    expires,
    targets: Object.fromEntries(Object.entries(targets).map(([name, content]) => [name, fileMeta(content)])),
    version,
  };
}
