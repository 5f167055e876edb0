import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyStore } from "../keys/keyStore.ts";
import { canonicalKeyId, keyFromJson } from "../tuf/key.ts";
import { isJsonObject, type JsonValue } from "../tuf/json.ts";
import type { OpenedFile } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { MetadataCache } from "./cache.ts";
import type { CollectionOptions } from "./collectionContext.ts";
import { isMissing, onDisk } from "./errors.ts";
import { collectionDirectory } from "./gun.ts";
import { PlannedKeys, type PlannedKey } from "./plannedKeys.ts";
import { PlannedRemote, UnchangedLastSeen } from "./plannedRemote.ts";

/** A file that would be published. */
export interface PlannedFile {
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
  /** IDs of key stores; for a key that has yet to be made, the words `new ROLE key`. */
  readonly signedBy: readonly string[];
}

/** What an operation on a collection would do. */
export interface Plan {
  readonly gun: string;
  /** In upload order; empty when nothing would be published. */
  readonly files: readonly PlannedFile[];
  /** Roles of which the trust server would sign a file too. */
  readonly signedByServer: readonly string[];
  readonly newKeys: readonly PlannedKey[];
  /** Keys that would be removed from this machine, by their IDs. */
  readonly removedKeys: readonly { readonly id: string; readonly role: string }[];
}

/**
 * Finds out what an operation would do by doing it on stand-ins: a copy of the collection's cache that is removed again, a trust
 * server that is read and never written to, a key store that makes, opens and removes nothing. No passphrase is asked for. What the
 * operation throws passes through, so a plan also says why something cannot be done.
 * @param operation works on a collection opened with the options it is given
 */
export async function planOperation(
  options: CollectionOptions,
  operation: (options: CollectionOptions) => Promise<unknown>,
): Promise<Plan> {
  const { gun } = options;
  const directory = await mkdtemp(join(tmpdir(), "countersign-plan-"));
  try {
    await copyCollection(options.trustDir, directory, gun);
    const keys = new PlannedKeys(options.keys ?? new KeyStore(options.trustDir));
    const remote = options.server && new PlannedRemote(options.server);
    await operation({
      ...options,
      trustDir: directory,
      keys,
      server: remote,
      passphrases: async () => undefined,
      lastSeen: options.lastSeen && new UnchangedLastSeen(options.lastSeen),
    });
    const published = (remote?.published ?? []).map(({ role, bytes }) => notaryDialect.openFile(role, bytes));
    const names = await keyNames(new MetadataCache(directory, gun), published, keys);
    return {
      gun,
      files: published.map(({ role, version, expires, signatures }) => {
        const signedBy = [...new Set(signatures.map(({ keyId }) => names.get(keyId) ?? keyId))];
        return { role, version, expires: new Date(expires.ms), signedBy };
      }),
      signedByServer: published.length === 0 ? [] : serverRoles(published),
      newKeys: [...keys.added, ...(remote?.newKeys ?? [])],
      removedKeys: keys.removed,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function serverRoles(published: readonly OpenedFile[]): string[] {
  return published.some(({ role }) => role === "snapshot") ? ["timestamp"] : ["snapshot", "timestamp"];
}

async function copyCollection(from: string, to: string, gun: string): Promise<void> {
  const directory = collectionDirectory(from, gun);
  await onDisk(directory, async () => {
    for (const part of ["metadata", "changelist"]) {
      try {
        await cp(join(directory, part), join(collectionDirectory(to, gun), part), { recursive: true });
      } catch (error) {
        if (!isMissing(error)) {
          throw error;
        }
      }
    }
  });
}

/** How people know the keys that metadata lists, by the IDs it lists them under. */
async function keyNames(
  cache: MetadataCache,
  published: readonly OpenedFile[],
  keys: PlannedKeys,
): Promise<ReadonlyMap<string, string>> {
  const files = [...published];
  for (const role of ["root", "targets", ...(await cache.delegations())]) {
    const bytes = await cache.read(role);
    if (bytes !== undefined) {
      files.push(notaryDialect.openFile(role, bytes));
    }
  }
  const names = new Map<string, string>();
  for (const { raw } of files) {
    for (const listed of [raw["keys"], memberOf(raw["delegations"], "keys")]) {
      for (const [id, key] of Object.entries(isJsonObject(listed) ? listed : {})) {
        names.set(id, keys.nameOf(canonicalKeyId(keyFromJson(key))));
      }
    }
  }
  return names;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}
