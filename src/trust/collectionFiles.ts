import { encodeHex } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { FileMeta } from "../tuf/hash.ts";
import { parseGun } from "./gun.ts";
import type { PinPolicy } from "./pins.ts";
import { rootPinFor } from "./rootPin.ts";
import { VerifiedCollection } from "./verifiedCollection.ts";

/** The files of one collection, as whoever keeps all of them has them. */
export interface CollectionFiles {
  readonly root: Uint8Array;
  readonly timestamp: Uint8Array;
  /** The file of a role with this SHA-256 (lower-case hex), undefined when there is none. */
  load(role: string, sha256: string): Promise<Uint8Array | undefined>;
}

export interface VerifyFilesOptions {
  readonly gun: string;
  /** Pins of kind `keys` and `ca` are asked about the root; `firstUse` takes the keeper's word for it. */
  readonly pins: PinPolicy;
  /** The one moment by which everything is judged. */
  readonly now: Date;
}

/**
 * Verifies a collection whose files are all at hand: the same rules as for one that is fetched, but nothing is cached, remembered
 * or asked for. The root is judged as a first one.
 * @throws TufError for what the rules refuse, TUF_NOT_LOADED for a file that is not there; TrustError TRUST_GUN
 */
export async function verifyFiles(
  files: CollectionFiles,
  { gun, pins, now }: VerifyFilesOptions,
): Promise<VerifiedCollection> {
  const pin = pins.pinFor(parseGun(gun));
  const state = new TrustState({ gun, now, pin: rootPinFor(pin, now) });
  const root = state.loadFirstRoot(files.root);
  const timestamp = state.updateTimestamp(files.timestamp);
  const snapshot = state.updateSnapshot(await load(files, "snapshot", state.wantedSnapshot));
  for (let next = state.nextRole(); next !== undefined; next = state.nextRole()) {
    state.updateTargets(next.role, await load(files, next.role, next.meta));
  }
  return new VerifiedCollection({
    gun,
    now,
    root,
    timestamp,
    snapshot,
    targets: state.targets,
    skipped: state.skipped,
    origin: "server",
    anchor: pin.kind === "keys" ? "pinned key" : pin.kind === "ca" ? "pinned authority" : "first use",
  });
}

async function load(files: CollectionFiles, role: string, { hashes }: FileMeta): Promise<Uint8Array> {
  const sha256 = encodeHex(hashes.get("sha256") ?? new Uint8Array());
  const bytes = await files.load(role, sha256);
  if (bytes === undefined) {
    throw new TufError("TUF_NOT_LOADED", `the file of ${role} that signed metadata names is not there`, { role });
  }
  return bytes;
}
