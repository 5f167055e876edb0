import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, onDisk } from "./errors.ts";

/** No GUN has more segments: it has at most 255 bytes. */
const mostSegments = 128;

/** The GUNs of all collections whose root is in the cache of a trust directory, sorted. Links are not followed. */
export async function cachedCollections(trustDir: string): Promise<string[]> {
  const top = join(trustDir, "tuf");
  const guns: string[] = [];
  const walk = async (segments: readonly string[]): Promise<void> => {
    const directory = join(top, ...segments);
    const isCollection = segments.length > 0 && (await isFile(join(directory, "metadata", "root.json")));
    if (isCollection) {
      guns.push(segments.join("/"));
    }
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const isOwn = isCollection && (entry.name === "metadata" || entry.name === "changelist");
      if (entry.isDirectory() && !isOwn && segments.length < mostSegments) {
        await walk([...segments, entry.name]);
      }
    }
  };
  await onDisk(top, async () => {
    try {
      await walk([]);
    } catch (error) {
      if (!isMissing(error)) {
        throw error;
      }
    }
  });
  return guns.toSorted();
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) {
      return false;
    }
    throw error;
  }
}
