import { digestHex } from "../tuf/crypto.ts";
import type { CountersignError } from "../tuf/error.ts";
import { TufError } from "../tuf/errors.ts";
import { Floors } from "../tuf/floors.ts";
import { checkVersionFloor } from "../tuf/freshness.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { validateRoot } from "../tuf/rootTrust.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { MetadataCache } from "./cache.ts";
import type { Ceremony } from "./ceremony.ts";
import { proposedRoles } from "./ceremonyProposal.ts";
import { TrustError } from "./errors.ts";
import type { LastSeen, Seen } from "./lastSeen.ts";
import { rootPinFor } from "./rootPin.ts";

export interface CeremonyMemory {
  readonly cache: MetadataCache;
  readonly lastSeen?: LastSeen | undefined;
  /** Root keys, by either ID: the current root has to list them all, and to be signed by as many of them as it takes. */
  readonly rootKeys?: readonly string[] | undefined;
  readonly now: Date;
}

/**
 * What on this machine vouches for the root that a ceremony follows; `nothing` leaves the comparison to the person. A new collection
 * follows none.
 */
export type CeremonyAnchor = "new collection" | "cached root" | "remembered root" | "given keys" | "nothing";

/**
 * Compares a ceremony with what this machine knows of the collection: its cached root, the versions seen, the keys given.
 * @throws TrustError TRUST_CEREMONY_PROPOSAL when it does not follow from them, TRUST_STATE_CORRUPT, TRUST_DIRECTORY
 */
export async function checkAgainstMemory(ceremony: Ceremony, memory: CeremonyMemory): Promise<CeremonyAnchor> {
  const { cache, lastSeen, rootKeys, now } = memory;
  const { gun } = ceremony;
  const seen = (await lastSeen?.read(gun)) ?? new Map<string, Seen>();
  const cached = await cache.read("root");
  if (ceremony.isNew) {
    if (cached !== undefined || seen.size > 0) {
      throw notFollowing("it begins a collection that this machine has seen already");
    }
    return "new collection";
  }
  const state = new TrustState({ gun, now, floors: seen });
  const remembered = seen.get("root");
  let anchor: CeremonyAnchor = "nothing";
  if (cached !== undefined) {
    judged(() => state.loadTrustedRoot(cached), `the root cached in ${cache.pathOf("root")} cannot be used`);
    await rememberCached(state, cache);
    anchor = "cached root";
  } else if (remembered !== undefined) {
    const root = ceremony.proposal.roots.find(({ bytes }) => digestHex("sha256", bytes) === remembered.sha256);
    if (root === undefined) {
      throw notFollowing(`version ${remembered.version} of root, as this machine has seen it, is not among its roots`);
    }
    judged(() => state.loadTrustedRoot(root.bytes), "the root remembered cannot be used");
    anchor = "remembered root";
  }
  if (anchor !== "nothing") {
    judged(() => follow(state, ceremony), "it does not follow from the root that this machine knows");
  }
  judged(
    () => checkFloors(new Floors(state.seen()), ceremony),
    "this machine has seen something newer, or something else",
  );
  if (rootKeys !== undefined) {
    requireRootKeys(ceremony, rootKeys, now);
    anchor = anchor === "nothing" ? "given keys" : anchor;
  }
  return anchor;
}

async function rememberCached(state: TrustState, cache: MetadataCache): Promise<void> {
  for (const role of ["targets", ...(await cache.delegations()).sort()]) {
    const bytes = await cache.read(role);
    if (bytes !== undefined) {
      state.rememberCached(role, bytes);
    }
  }
}

/** Goes from the root this machine knows to the current one of the ceremony. */
function follow(state: TrustState, { proposal: { roots } }: Ceremony): void {
  const known = state.root!.version; // Called with a root.
  const newest = roots.at(-1)!; // There is one.
  checkVersionFloor(newest, known);
  for (const { version, bytes } of roots.filter(({ version }) => version >= known)) {
    if (version === known) {
      state.replaceRoot(bytes);
    } else {
      state.updateRoot(bytes);
    }
  }
}

/** No current file may be older than what was seen, and what is proposed must be newer. */
function checkFloors(floors: Floors, { proposal }: Ceremony): void {
  floors.check(proposal.roots.at(-1)!);
  for (const file of proposal.files.values()) {
    floors.check(file);
  }
  for (const { file } of proposedRoles(proposal)) {
    checkVersionFloor(file, (floors.get(file.role)?.version ?? 0) + 1);
  }
}

/** As for every pin, only signatures by these keys count: a root that merely lists them says nothing. */
function requireRootKeys({ gun, proposal }: Ceremony, ids: readonly string[], now: Date): void {
  const file = proposal.roots.at(-1)!; // There is one.
  const { roles, keys } = file.body;
  const own = (roles.get("root")?.keyIds ?? []).flatMap((id) => keys.get(id) ?? []);
  const missing = ids.find((id) => !own.some((key) => key.id === id || canonicalKeyId(key) === id));
  if (missing !== undefined) {
    throw notFollowing(`the current root does not have the key ${missing}`);
  }
  const pin = rootPinFor({ kind: "keys", ids }, now);
  judged(
    () => validateRoot({ file, gun, now, pin, certificateExpiry: "ignored" }),
    "the current root is not signed by the keys given",
  );
}

function judged<T>(rule: () => T, what: string): T {
  try {
    return rule();
  } catch (error) {
    throw error instanceof TufError ? notFollowing(`${what} (${error.message})`, error) : error;
  }
}

function notFollowing(why: string, cause?: CountersignError): TrustError {
  const message = `the proposal does not fit what this machine knows of the collection: ${why}`;
  return new TrustError("TRUST_CEREMONY_PROPOSAL", message, {
    cause,
    hint: "Do not sign. Ask who sent the file for a proposal made from the collection as it is now; if it is, bring this machine's trust data up to date first.",
  });
}
