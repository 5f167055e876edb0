import { open, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { makePrivateDirectory, writeFileAtomic } from "../keys/atomicFile.ts";
import { isDelegation, isRole } from "../tuf/role.ts";
import { defaultLimits } from "../tuf/limits.ts";
import { isMissing, onDisk, TrustError } from "./errors.ts";
import { collectionDirectory } from "./gun.ts";

const suffix = ".json";

/**
 * The metadata files of one collection as Docker and Notary keep them (client reference §1.1): the bytes of the wire under
 * `<trust directory>/tuf/<GUN>/metadata/<role>.json`, files 0600, directories 0700. The two programs and this one can share
 * the directory. What is read here has been verified once, but is judged again before it is believed.
 */
export class MetadataCache {
  readonly directory: string;
  /** What the caches of all collections are below. */
  readonly trustDir: string;

  constructor(trustDir: string, gun: string) {
    this.trustDir = trustDir;
    this.directory = join(collectionDirectory(trustDir, gun), "metadata");
  }

  /** The file of a role. The role name is checked, so that no name from a server leads out of the directory. */
  pathOf(role: string): string {
    if (!isRole(role)) {
      throw new TrustError("TRUST_DIRECTORY", `no file can be kept for the role ${JSON.stringify(role)}`, { role });
    }
    return join(this.directory, ...`${role}${suffix}`.split("/"));
  }

  /**
   * The cached bytes of a role, undefined when there are none.
   * @param limit bytes; a longer file is damaged for certain and counts as absent
   * @throws TrustError TRUST_DIRECTORY when the file is there but cannot be read
   */
  async read(role: string, limit: number = defaultLimits.metadataBytes): Promise<Uint8Array | undefined> {
    const path = this.pathOf(role);
    return onDisk(path, async () => {
      try {
        const file = await open(path, "r");
        try {
          return (await file.stat()).size > limit ? undefined : await readFile(file);
        } finally {
          await file.close();
        }
      } catch (error) {
        if (isMissing(error)) {
          return undefined;
        }
        throw error;
      }
    });
  }

  /** The delegations that have a cached file. */
  async delegations(): Promise<string[]> {
    const directory = join(this.directory, "targets");
    return onDisk(directory, async () => {
      try {
        const files = await readdir(directory, { recursive: true });
        const roles = files
          .filter((file) => file.endsWith(suffix))
          .map((file) => `targets/${file.slice(0, -suffix.length)}`);
        return roles.map((role) => role.replaceAll(sep, "/")).filter(isDelegation);
      } catch (error) {
        if (isMissing(error)) {
          return [];
        }
        throw error;
      }
    });
  }

  /** Replaces the file of a role, all or nothing. */
  async write(role: string, bytes: Uint8Array): Promise<void> {
    const path = this.pathOf(role);
    await onDisk(path, async () => {
      await makePrivateDirectory(dirname(path));
      await writeFileAtomic(path, bytes);
    });
  }

  async remove(role: string): Promise<void> {
    const path = this.pathOf(role);
    await onDisk(path, () => rm(path, { force: true }));
  }
}
