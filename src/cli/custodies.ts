import { existsSync } from "node:fs";
import { join } from "node:path";
import { KeyRing, type KeyPlaces } from "../keys/keyRing.ts";
import type { KeyStore } from "../keys/keyStore.ts";
import { configDirectory } from "../trust/directories.ts";

/**
 * The keys in these files, and those in the places that the user's configuration names: the file COUNTERSIGN_KEYS_CONFIG (empty: no
 * file), else `keys.json` in our configuration directory. Nothing is read before a key is needed.
 * @param warn told about each place that cannot be asked
 */
export function openKeyRing(files: KeyStore, { warn }: { readonly warn: (text: string) => void }): KeyRing {
  return new KeyRing(files, () => configuredPlaces(process.env), { onWarning: warn });
}

/** @throws KeysError KEYS_CUSTODY_CONFIG */
async function configuredPlaces(environment: NodeJS.ProcessEnv): Promise<KeyPlaces> {
  const { COUNTERSIGN_KEYS_CONFIG: named, HOME: home } = environment;
  const path = named ?? join(configDirectory(environment, home || undefined), "keys.json");
  if (path === "" || (named === undefined && !existsSync(path))) return { custodies: [] };
  // Few have such a file; the others need not wait for what reads it.
  const [{ readCustodyConfig }, { openCustody }] = await Promise.all([
    import("./custodyConfig.ts"),
    import("./openCustody.ts"),
  ]);
  const { custodies, newKeyFiles } = await readCustodyConfig(path);
  return { custodies: custodies.map((entry) => openCustody(entry, custodies, environment)), kdf: newKeyFiles.kdf };
}
