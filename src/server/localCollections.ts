import { ServerError } from "./errors.ts";
import { freshCollection } from "./freshCollection.ts";
import type { CurrentCollection } from "./currentCollection.ts";
import type { ServerContext } from "./serverContext.ts";
import type { StoredFile } from "./store.ts";

/** What is current of a collection. */
export type LocalCollection = Pick<CurrentCollection, "timestamp" | "snapshot" | "named">;

/**
 * What a trust server holds, for other services of the same process: what clients would be answered, without HTTP and access
 * control. Nothing has been verified for them.
 */
export interface LocalCollections {
  /**
   * The current collection, undefined when there is none. One that has expired and cannot be renewed comes as it is. As long as
   * nothing was published its timestamp is the same object, or one with the same checksum.
   */
  current(gun: string): Promise<LocalCollection | undefined>;

  /** The file of a role whose bytes have this SHA-256 (lower-case hex). */
  file(gun: string, role: string, sha256: string): Promise<StoredFile | undefined>;
}

export function localCollections(context: ServerContext): LocalCollections {
  const { reader, policy } = context;
  return {
    async current(gun) {
      if (!policy.allows(gun)) {
        return undefined;
      }
      try {
        return await freshCollection(context, gun);
      } catch (error) {
        if (error instanceof ServerError && error.code === "SERVER_UNREADABLE") {
          return await reader.collection(gun);
        }
        throw error;
      }
    },
    file: (gun, role, sha256) => reader.byChecksum(gun, role, sha256),
  };
}
