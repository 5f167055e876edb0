import { canonicalize } from "../tuf/canonical.ts";
import { firstCertificate } from "../tuf/certificateBundle.ts";
import { encodeHex, equalBytes } from "../tuf/encoding.ts";
import { fileMetaToJson, type FileMeta } from "../tuf/hash.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { DelegatedRole, Root, Targets } from "../tuf/metadata.ts";
import type { RoleKeys } from "../tuf/role.ts";
import { formatTime } from "../tuf/time.ts";
import type { CeremonyContent } from "./ceremonyFile.ts";
import { proposedRoles, type CeremonyProposal, type ProposedRole } from "./ceremonyProposal.ts";

/*
 * What a proposal means, in plain words, from the bytes that are to be signed. Everything that a root or a targets file can say is
 * named when it changes. The words belong to the format of the file (see ceremonyFile.ts): other words are another version of it.
 */

/** One line after the other, those about a role indented below its name. */
export function summarize({ gun }: CeremonyContent, proposal: CeremonyProposal): string[] {
  return [`collection ${gun}`, ...proposedRoles(proposal).flatMap(aboutRole)];
}

function aboutRole({ file, before }: ProposedRole): string[] {
  const { role, version, body, expires } = file;
  const follows = before === undefined ? ", which has no earlier file here" : ` after version ${before.version}`;
  const lines = [
    ...(body.type === "root" ? rootLines(body, rootOf(before)) : aboutTargets(body, targetsOf(before))),
    `expires ${formatTime(new Date(expires.ms))}${before === undefined ? "" : `, so far ${formatTime(new Date(before.expires.ms))}`}`,
  ];
  return [`${role}: version ${version}${follows}`, ...lines.map((line) => `  ${line}`)];
}

function rootOf(before: ProposedRole["before"]): Root | undefined {
  return before?.body.type === "root" ? before.body : undefined;
}

function targetsOf(before: ProposedRole["before"]): Targets | undefined {
  return before?.body.type === "targets" ? before.body : undefined;
}

// --- Root ---

function rootLines(next: Root, before: Root | undefined): string[] {
  return before === undefined
    ? [...next.roles].flatMap(([name, role]) => describeRoleKeys(name, role, next.keys))
    : changesOfRoot(next, before);
}

function changesOfRoot(next: Root, before: Root): string[] {
  const lines: string[] = [];
  for (const name of new Set([...before.roles.keys(), ...next.roles.keys()])) {
    lines.push(...aboutRoleKeys(name, keyed(next, name), keyed(before, name)));
  }
  const listed = [...next.roles.values()].flatMap(({ keyIds }) => keyIds);
  for (const [id, key] of next.keys) {
    if (!before.keys.has(id) && !listed.includes(id)) {
      lines.push(`lists a key that no role uses: ${describeKey(key)}`);
    }
  }
  for (const [id, key] of before.keys) {
    if (!next.keys.has(id)) {
      lines.push(`no longer lists the key ${describeKey(key)}`);
    }
  }
  if (next.consistentSnapshot !== before.consistentSnapshot) {
    lines.push(`consistent_snapshot becomes ${next.consistentSnapshot}`);
  }
  return lines;
}

/** Who may sign for a role. */
interface KeyedRole {
  readonly threshold: number;
  readonly keys: readonly PublicKey[];
}

function keyed(root: Root, name: string): KeyedRole | undefined {
  return resolve(root.roles.get(name), root.keys);
}

function resolve(role: RoleKeys | undefined, keys: ReadonlyMap<string, PublicKey>): KeyedRole | undefined {
  return role && { threshold: role.threshold, keys: role.keyIds.flatMap((id) => keys.get(id) ?? []) };
}

function aboutRoleKeys(name: string, next: KeyedRole | undefined, before: KeyedRole | undefined): string[] {
  const lines = [
    ...(next?.keys ?? []).filter((key) => !has(before, key)).map((key) => `${name} gets the key ${describeKey(key)}`),
    ...(before?.keys ?? []).filter((key) => !has(next, key)).map((key) => `${name} loses the key ${describeKey(key)}`),
  ];
  const [is, was] = [needed(next), needed(before)];
  if (lines.length > 0 || is !== was) {
    lines.unshift(`${name} takes signatures by ${is}, so far by ${was}`);
  }
  return lines;
}

function has(role: KeyedRole | undefined, { id }: PublicKey): boolean {
  return role?.keys.some((key) => key.id === id) ?? false;
}

function needed(role: KeyedRole | undefined): string {
  return role === undefined ? "nobody" : `${role.threshold} of ${role.keys.length} keys`;
}

/** The ID by which metadata names a key and, where that is another, the one by which key stores do. */
export function describeKey(key: PublicKey): string {
  const canonical = canonicalKeyId(key);
  if (canonical === key.id) {
    return key.id;
  }
  const until = firstCertificate(key.bytes)?.notAfter;
  return `${key.id} (private key ${canonical}${until === undefined ? "" : `, certificate until ${formatTime(until)}`})`;
}

/** How many of which keys have to sign for a role. */
export function describeRoleKeys(name: string, role: RoleKeys, keys: ReadonlyMap<string, PublicKey>): string[] {
  const own = resolve(role, keys);
  return [`${name} takes signatures by ${needed(own)}`, ...(own?.keys ?? []).map((key) => `  ${describeKey(key)}`)];
}

// --- Targets ---

function aboutTargets(next: Targets, before: Targets | undefined): string[] {
  const lines = [...targetLines(next, before), ...delegationLines(next, before)];
  return lines.length > 0 ? lines : ["says the same as before"];
}

function targetLines(next: Targets, before: Targets | undefined): string[] {
  const lines: string[] = [];
  for (const [name, meta] of next.targets) {
    const was = before?.targets.get(name);
    if (was === undefined) {
      lines.push(`adds ${shownName(name)}: ${describeMeta(meta)}`);
    } else if (!sameMeta(meta, was)) {
      lines.push(`moves ${shownName(name)} to ${describeMeta(meta)}, so far ${describeMeta(was)}`);
    }
  }
  for (const [name, was] of before?.targets ?? []) {
    if (!next.targets.has(name)) {
      lines.push(`removes ${shownName(name)}: ${describeMeta(was)}`);
    }
  }
  return lines;
}

/** Hashes and length of a target. */
export function describeMeta(meta: FileMeta): string {
  const hashes = [...meta.hashes].map(([algorithm, bytes]) => `${shownName(algorithm)}:${encodeHex(bytes)}`);
  const custom = meta.custom === undefined ? "" : ` with ${JSON.stringify(meta.custom)}`;
  return `${hashes.join(" ") || "no hash"}, ${meta.length} bytes${custom}`;
}

function sameMeta(a: FileMeta, b: FileMeta): boolean {
  return equalBytes(canonicalize(fileMetaToJson(a)), canonicalize(fileMetaToJson(b)));
}

function delegationLines(next: Targets, before: Targets | undefined): string[] {
  const lines: string[] = [];
  const [is, was] = [namesOf(next), namesOf(before)];
  for (const role of next.delegations.roles) {
    const old = before?.delegations.roles.find(({ name }) => name === role.name);
    const paths = `for names that begin with ${role.paths.map(shownName).join(", ") || "nothing"}`;
    if (old === undefined) {
      lines.push(`delegates to ${role.name} ${paths}`);
    } else if (old.paths.join("\n") !== role.paths.join("\n")) {
      lines.push(`delegates to ${role.name} ${paths}, so far ${old.paths.map(shownName).join(", ") || "nothing"}`);
    }
    lines.push(...aboutRoleKeys(role.name, delegated(role, next), delegated(old, before)));
  }
  lines.push(...was.filter((name) => !is.includes(name)).map((name) => `no longer delegates to ${name}`));
  const kept = is.filter((name) => was.includes(name));
  if (kept.join() !== was.filter((name) => is.includes(name)).join()) {
    lines.push(`asks its delegations in the order ${is.join(", ")}`);
  }
  return lines;
}

function delegated(role: DelegatedRole | undefined, body: Targets | undefined): KeyedRole | undefined {
  return body && resolve(role, body.delegations.keys);
}

function namesOf(body: Targets | undefined): string[] {
  return body?.delegations.roles.map(({ name }) => name) ?? [];
}

/** A name of somebody else's choice: quoted unless it cannot be mistaken for our own words. */
export function shownName(name: string): string {
  return /^[A-Za-z0-9._\-/:@+]+$/.test(name) ? name : JSON.stringify(name);
}
