import { createHash, randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateDirectory, syncDirectory, writeFileAtomic } from "../keys/atomicFile.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { isRole } from "../tuf/role.ts";
import { directoryNames } from "./directoryNames.ts";
import { isMissing, onDisk, TrustError } from "./errors.ts";
import { parseGun } from "./gun.ts";

/** What was last seen of one role. */
export interface Seen {
  readonly version: number;
  /** Lower-case hexadecimal sha256 of the file's bytes. */
  readonly sha256: string;
}

export type SeenRoles = ReadonlyMap<string, Seen>;

const format = 1;
const hexDigest = /^[0-9a-f]{64}$/;
const recordName = /^seen-[0-9a-f]{24}\.json$/;
const recordLimit = 4 * 1024 * 1024;

/**
 * The versions this machine has seen, per collection and role. They outlive the metadata cache, so that a server cannot
 * step back even after `~/.docker/trust` was wiped.
 *
 * No locks: a writer adds a new record holding the higher of everything it read and knows, then removes the records it has
 * read. Processes working at once leave more than one record; readers merge them. So nothing is lost, nothing ever moves
 * backwards, and a crash at any instant leaves records that are whole (each appears by a rename).
 */
export class LastSeen {
  readonly directory: string;

  /** @param stateDir ours: see `stateDirectory` */
  constructor(stateDir: string) {
    this.directory = join(stateDir, "last-seen");
  }

  /** The directory of a collection's records: readable, and unique also where file names ignore case. */
  pathOf(gun: string): string {
    const readable = parseGun(gun)
      .replaceAll(/[^A-Za-z0-9._-]/g, "_")
      .slice(0, 100);
    return join(this.directory, `${readable}.${createHash("sha256").update(gun).digest("hex").slice(0, 16)}`);
  }

  /**
   * What was seen of a collection; empty when it never was.
   * @throws TrustError TRUST_STATE_CORRUPT naming the file, TRUST_DIRECTORY
   */
  async read(gun: string): Promise<SeenRoles> {
    return (await this.#records(gun)).seen;
  }

  /**
   * Adds what was verified. Roles with a version already passed are left as they are.
   * @throws TrustError TRUST_EQUIVOCATION when a version is remembered with other content, TRUST_STATE_CORRUPT, TRUST_DIRECTORY
   */
  async remember(gun: string, seen: SeenRoles): Promise<void> {
    const { seen: known, files } = await this.#records(gun);
    const merged = new Map(known);
    mergeInto(merged, seen);
    if (files.length <= 1 && [...merged].every(([role, { sha256 }]) => known.get(role)?.sha256 === sha256)) {
      return;
    }
    const directory = this.pathOf(gun);
    await onDisk(directory, async () => {
      await makePrivateDirectory(directory);
      const name = `seen-${randomBytes(12).toString("hex")}.json`;
      await writeFileAtomic(join(directory, name), encodeRecord(gun, merged));
      // The new record holds all that these said. Another process may have removed them for the same reason.
      await Promise.all(files.map((file) => rm(join(directory, file), { force: true })));
    });
  }

  /** Forgets a collection: what an owner's announced new beginning, and nothing else, calls for. */
  async forget(gun: string): Promise<void> {
    const directory = this.pathOf(gun);
    await onDisk(directory, async () => {
      await rm(directory, { recursive: true, force: true });
      try {
        await syncDirectory(this.directory);
      } catch (error) {
        if (!isMissing(error)) {
          throw error;
        }
      }
    });
  }

  async #records(gun: string): Promise<{ seen: SeenRoles; files: string[] }> {
    const directory = this.pathOf(gun);
    return onDisk(directory, async () => {
      let vanished: readonly string[] = [];
      for (;;) {
        const files = (await directoryNames(directory)).filter((name) => recordName.test(name));
        const records = await Promise.all(files.map((file) => readRecord(join(directory, file), gun)));
        const missing = files.filter((_, at) => records[at] === undefined);
        if (missing.length === 0) {
          const seen = new Map<string, Seen>();
          records.forEach((record) => mergeInto(seen, record ?? new Map()));
          return { seen, files };
        }
        // A record that vanishes between listing and reading was merged into a newer one: list again.
        const unreadable = missing.find((file) => vanished.includes(file));
        if (unreadable !== undefined) {
          throw damaged(gun, join(directory, unreadable), "it leads nowhere");
        }
        vanished = missing;
      }
    });
  }
}

/** Keeps the higher version of each role. */
function mergeInto(merged: Map<string, Seen>, other: SeenRoles): void {
  for (const [role, seen] of other) {
    const known = merged.get(role);
    // Root may be signed anew under its version by its own keys; the other roles never are.
    if (role !== "root" && known?.version === seen.version && known.sha256 !== seen.sha256) {
      throw equivocation(role, seen.version);
    }
    if (known === undefined || known.version <= seen.version) {
      merged.set(role, seen);
    }
  }
}

/** The refusal of a second content under one version. */
function equivocation(role: string, version: number): TrustError {
  return new TrustError(
    "TRUST_EQUIVOCATION",
    `version ${version} of ${role} has other content than the version ${version} seen before`,
    {
      role,
    },
  );
}

function damaged(gun: string, path: string, why: string, cause?: unknown): TrustError {
  const message = `the record of versions seen of ${gun} is damaged (${why}): ${path}`;
  return new TrustError("TRUST_STATE_CORRUPT", message, { path, cause });
}

function encodeRecord(gun: string, seen: SeenRoles): string {
  const roles: Record<string, Seen> = {};
  for (const [role, { version, sha256 }] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1))) {
    roles[role] = { version, sha256 };
  }
  const record = { format, gun, roles };
  return `${JSON.stringify({ ...record, check: checkOf(record) }, null, 2)}\n`;
}

/** A digest over the content: a flipped bit in a version must not pass for a version. It is no protection against intent. */
function checkOf(record: { format: number; gun: string; roles: Readonly<Record<string, Seen>> }): string {
  const text = JSON.stringify([
    record.format,
    record.gun,
    Object.entries(record.roles).map(([role, s]) => [role, s.version, s.sha256]),
  ]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** @returns undefined when the record is gone */
async function readRecord(path: string, gun: string): Promise<SeenRoles | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
  let value: JsonValue;
  try {
    value = parseJson(bytes, { maxBytes: recordLimit });
  } catch (error) {
    throw damaged(gun, path, "it is not JSON", error);
  }
  if (!isJsonObject(value) || value["format"] !== format || value["gun"] !== gun || !isJsonObject(value["roles"])) {
    throw damaged(gun, path, "it is not a record of this collection");
  }
  const roles = rolesOf(value["roles"]);
  if (roles === undefined || value["check"] !== checkOf({ format, gun, roles: Object.fromEntries(roles) })) {
    throw damaged(gun, path, "its content does not fit its checksum");
  }
  return roles;
}

function rolesOf(object: JsonObject): Map<string, Seen> | undefined {
  const roles = new Map<string, Seen>();
  for (const [role, entry] of Object.entries(object)) {
    const version = isJsonObject(entry) ? entry["version"] : undefined;
    const sha256 = isJsonObject(entry) ? entry["sha256"] : undefined;
    if (
      !isRole(role) ||
      typeof version !== "number" ||
      version < 1 ||
      typeof sha256 !== "string" ||
      !hexDigest.test(sha256)
    ) {
      return undefined;
    }
    roles.set(role, { version, sha256 });
  }
  return roles;
}
