import { checkDelegationKeys } from "../tuf/delegationKeys.ts";
import { equalBytes } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { checkExpiry } from "../tuf/freshness.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import { invalidRole, type OpenedFile, type Root, type SignedFile, type Targets } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { verifyBaseRole, verifyDelegation } from "../tuf/roleChecks.ts";
import { compareRolesByDepth, parentRole, type RoleKeys } from "../tuf/role.ts";
import { rootCertificates } from "../tuf/rootTrust.ts";
import { formatGoUnixDate, isExpired } from "../tuf/time.ts";
import { findDelegation } from "../tuf/targets.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { CeremonyContent, RoleBytes } from "./ceremonyFile.ts";
import { TrustError } from "./errors.ts";

/** Keys of which enough have to sign the payload of a role. */
export interface CeremonyNeed {
  readonly role: string;
  /** Who asks for it: `current root` and `new root` for a root, which is judged by both; else the role that lists the keys. */
  readonly by: string;
  readonly threshold: number;
  /** As metadata names them. */
  readonly keys: readonly PublicKey[];
}

/** A role's next file, without its signatures. */
export interface ProposedRole<B extends Root | Targets = Root | Targets> {
  readonly file: SignedFile<B>;
  /** The one it follows; undefined for a role that has none. */
  readonly before: SignedFile<B> | undefined;
  readonly needs: readonly CeremonyNeed[];
}

/** A proposal that holds: every payload follows from the current root. Whether that root is the right one is another question. */
export interface CeremonyProposal {
  /** The roots up to the current one; none for a new collection. */
  readonly roots: readonly SignedFile<Root>[];
  readonly root: ProposedRole<Root> | undefined;
  /** `targets` and delegations that are to be signed, parents first. */
  readonly targets: readonly ProposedRole<Targets>[];
  /** The current files by role. */
  readonly files: ReadonlyMap<string, SignedFile<Targets>>;
}

/**
 * Judges what is proposed as far as the file alone tells, the way consumers will judge what comes of it, signatures aside:
 *
 * 1. Every root in it follows from the one before; the current files are signed as the current root demands. Without a root it is
 *    about a new collection, whose root and targets come first.
 * 2. A payload is, to the byte, what this program would sign for what it says: nothing is in it that is not shown.
 * 3. Its version is the next one, it has not expired, and enough of the keys it takes exist.
 *
 * @throws TrustError TRUST_CEREMONY_EXPIRED, TRUST_CEREMONY_PROPOSAL
 */
export function judgeProposal(content: CeremonyContent, now: Date): CeremonyProposal {
  const { gun, validUntil } = content;
  if (isExpired(validUntil, now)) {
    throw new TrustError("TRUST_CEREMONY_EXPIRED", `the proposal was valid until ${formatGoUnixDate(validUntil)}`);
  }
  const roots = judging("the roots", () => followRoots(content, now));
  const current = roots.at(-1);
  const rootPayload = content.payloads.find(({ role }) => role === "root");
  const root = rootPayload && judging("root", () => proposedRoot(rootPayload, current, gun, now));
  requireUploadOrder(content.payloads);
  const next = root?.file ?? current;
  if (next === undefined || (current === undefined && content.files.length > 0)) {
    throw wrong("the roots", "it names no root that it follows, and makes none");
  }
  const files = current === undefined ? new Map<string, SignedFile<Targets>>() : currentFiles(content, current.body);
  const targets = proposedTargets(content, { root: next.body, files, now });
  requireTargetsUnderNewRoot(current?.body, root, targets);
  return { roots, root, targets, files };
}

/** Everything there is to sign. */
export function proposedRoles({ root, targets }: CeremonyProposal): readonly ProposedRole[] {
  return root === undefined ? targets : [root, ...targets];
}

/** Parents are judged before what they delegate to. */
function requireUploadOrder(payloads: readonly RoleBytes[]): void {
  const roles = payloads.map(({ role }) => role);
  const sorted = [...roles].sort((a, b) => Number(b === "root") - Number(a === "root") || compareRolesByDepth(a, b));
  if (roles.join() !== sorted.join()) {
    throw wrong("the payloads", "they are not in the order of an upload");
  }
}

function followRoots({ gun, roots: [first, ...next] }: CeremonyContent, now: Date): SignedFile<Root>[] {
  if (first === undefined) {
    return [];
  }
  const state = new TrustState({ gun, now });
  return [state.loadTrustedRoot(first), ...next.map((bytes) => state.updateRoot(bytes))];
}

function proposedRoot(
  { role, bytes }: RoleBytes,
  before: SignedFile<Root> | undefined,
  gun: string,
  now: Date,
): ProposedRole<Root> {
  const file = notaryDialect.decodeRoot(openPayload(role, bytes));
  requireOwnWriting(file);
  requireVersion(file, (before?.version ?? 0) + 1);
  checkExpiry(file, now);
  requireKeyIds(file.body.keys);
  const usable = rootCertificates(file.body, gun, now, "checked");
  requireReachable(
    "root",
    thresholdOf(file.body),
    usable.map(({ key }) => key),
  );
  requireNewCertificates(
    file.body,
    before?.body,
    usable.map(({ key }) => key.id),
  );
  const own = rootNeed("new root", file.body, gun, now);
  const old = before && rootNeed("current root", before.body, gun, now);
  return { file, before, needs: old === undefined || sameNeed(own, old) ? [own] : [old, own] };
}

function rootNeed(by: string, root: Root, gun: string, now: Date): CeremonyNeed {
  const keys = rootCertificates(root, gun, now, "ignored").map(({ key }) => key);
  return { role: "root", by, threshold: thresholdOf(root), keys };
}

/** A key that is added must be one that counts, for its holder would sign in vain. */
function requireNewCertificates(next: Root, before: Root | undefined, usable: readonly string[]): void {
  const known = before?.roles.get("root")?.keyIds ?? [];
  const useless = next.roles.get("root")?.keyIds.find((id) => !known.includes(id) && !usable.includes(id));
  if (useless !== undefined) {
    throw invalidRole("root", `the new root key ${useless} is not in a certificate that counts for this collection`);
  }
}

function currentFiles(content: CeremonyContent, root: Root): ReadonlyMap<string, SignedFile<Targets>> {
  const files = new Map<string, SignedFile<Targets>>();
  for (const { role, bytes } of content.files) {
    judging(`the current ${role}`, () => {
      const opened = notaryDialect.openFile(role, bytes);
      const parent = parentRole(role);
      if (parent === undefined) {
        verifyBaseRole(role === "targets" ? opened : otherRole(role), root);
      } else {
        verifyDelegation(opened, files.get(parent)?.body ?? otherRole(role));
      }
      files.set(role, notaryDialect.decodeTargets(opened));
    });
  }
  return files;
}

interface Beside {
  /** The root that will be the current one. */
  readonly root: Root;
  readonly files: ReadonlyMap<string, SignedFile<Targets>>;
  readonly now: Date;
}

function proposedTargets({ payloads }: CeremonyContent, { root, files, now }: Beside): ProposedRole<Targets>[] {
  const bodies = new Map([...files].map(([role, { body }]) => [role, body]));
  const proposed: ProposedRole<Targets>[] = [];
  for (const { role, bytes } of payloads) {
    if (role === "root") {
      continue;
    }
    judging(role, () => {
      const file = notaryDialect.decodeTargets(openPayload(role, bytes));
      requireOwnWriting(file);
      const before = files.get(role);
      requireVersion(file, before === undefined ? undefined : before.version + 1);
      checkExpiry(file, now);
      requireKeyIds(file.body.delegations.keys);
      requireUsableDelegations(file.body, before?.body);
      const need = targetsNeed(role, root, bodies);
      requireReachable(role, need.threshold, need.keys);
      bodies.set(role, file.body);
      proposed.push({ file, before, needs: [need] });
    });
  }
  return proposed;
}

function targetsNeed(role: string, root: Root, bodies: ReadonlyMap<string, Targets>): CeremonyNeed {
  const parent = parentRole(role);
  if (parent === undefined) {
    const own = (role === "targets" ? root.roles.get(role) : undefined) ?? otherRole(role);
    return { role, by: "root", threshold: own.threshold, keys: keysOf(own, root.keys) };
  }
  const delegating = bodies.get(parent) ?? otherRole(role);
  const own = findDelegation(delegating, role);
  return { role, by: parent, threshold: own.threshold, keys: keysOf(own, delegating.delegations.keys) };
}

/** A delegation that is made or changed must be one that can sign. Those that could not before are left alone. */
function requireUsableDelegations(next: Targets, before: Targets | undefined): void {
  for (const role of next.delegations.roles) {
    checkDelegationKeys(role, next.delegations.keys);
    const was = before?.delegations.roles.find(({ name }) => name === role.name);
    if (was?.threshold !== role.threshold || was.keyIds.join() !== role.keyIds.join()) {
      requireReachable(role.name, role.threshold, keysOf(role, next.delegations.keys));
    }
  }
}

/** Other keys for targets, and the file signed by them, come together: nobody could read the collection in between. */
function requireTargetsUnderNewRoot(
  before: Root | undefined,
  root: ProposedRole<Root> | undefined,
  targets: readonly ProposedRole<Targets>[],
): void {
  if (root === undefined || targets.some(({ file }) => file.role === "targets")) {
    return;
  }
  const was = before?.roles.get("targets");
  const is = root.file.body.roles.get("targets")!; // Every root has it.
  if (was?.threshold !== is.threshold || was.keyIds.join() !== is.keyIds.join()) {
    throw wrong("root", "it changes who signs targets, but targets are not to be signed anew");
  }
}

function openPayload(role: string, message: Uint8Array): OpenedFile {
  const opened = notaryDialect.openFile(role, notaryDialect.encodeFile(message, []));
  if (!equalBytes(opened.message, message)) {
    throw wrong(role, "its bytes are not in canonical form");
  }
  return opened;
}

/** What trust servers write anew from what they read, which is the same only for what this program would write. */
function requireOwnWriting({ role, body, message }: SignedFile<Root | Targets>): void {
  if (!equalBytes(notaryDialect.messageOf(notaryDialect.encodeBody(body)), message)) {
    throw wrong(role, "it says more than what can be shown");
  }
}

function requireVersion({ role, version }: OpenedFile, expected: number | undefined): void {
  if (expected === undefined ? version < 1 : version !== expected) {
    throw wrong(role, `its version is ${version} where ${expected ?? "1 or more"} has to follow`);
  }
}

function requireKeyIds(keys: ReadonlyMap<string, PublicKey>): void {
  for (const [id, key] of keys) {
    if (key.id !== id) {
      throw new TufError("TUF_KEY_ID", "key ID is not valid for key content");
    }
  }
}

function requireReachable(role: string, threshold: number, keys: readonly PublicKey[]): void {
  const distinct = new Set(keys.map(canonicalKeyId)).size;
  if (distinct < threshold) {
    throw invalidRole(role, `it would need ${threshold} keys to sign and has ${distinct}`);
  }
}

function keysOf({ keyIds }: RoleKeys, keys: ReadonlyMap<string, PublicKey>): PublicKey[] {
  return keyIds.flatMap((id) => keys.get(id) ?? []);
}

function thresholdOf(root: Root): number {
  return root.roles.get("root")!.threshold; // Every root has it.
}

function sameNeed(a: CeremonyNeed, b: CeremonyNeed): boolean {
  const ids = new Set(a.keys.map(({ id }) => id));
  return a.threshold === b.threshold && ids.size === b.keys.length && b.keys.every(({ id }) => ids.has(id));
}

function otherRole(role: string): never {
  throw invalidRole(role, "a ceremony signs root, targets and delegations, and brings along the roles above them");
}

/** Runs a rule on a part of the proposal; what it refuses is the fault of the proposal. */
function judging<T>(what: string, rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (error instanceof TufError) {
      throw wrong(what, error.message, error);
    }
    throw error;
  }
}

function wrong(what: string, why: string, cause?: unknown): TrustError {
  return new TrustError("TRUST_CEREMONY_PROPOSAL", `the proposal does not hold, ${what}: ${why}`, { cause });
}
