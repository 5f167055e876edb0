import { digestAlgorithms, isDigest } from "../oci/digest.ts";
import { isRepositoryName, isTag } from "../oci/repositoryName.ts";
import { layersKey, manifestsKey, repositoriesKey, revisionsKey, tagsKey } from "./layout.ts";
import type { Storage } from "./storage.ts";

/* What is there, as the keys tell. Names that are none, of whoever put them there, are passed over. */

/** The tags of a repository in byte order, whatever they point to. */
export async function* tagNames(storage: Storage, repository: string): AsyncGenerator<string, void, void> {
  for await (const { name, isDirectory } of storage.list(tagsKey(repository))) {
    if (isDirectory && isTag(name)) {
      yield name;
    }
  }
}

/** The digests under which a repository has, or had, manifests. */
export function revisionDigests(storage: Storage, repository: string): AsyncGenerator<string, void, void> {
  return digestsBelow(storage, revisionsKey(repository));
}

/** The digests under which a repository has, or had, blobs. */
export function layerDigests(storage: Storage, repository: string): AsyncGenerator<string, void, void> {
  return digestsBelow(storage, layersKey(repository));
}

export async function hasRepository(storage: Storage, repository: string): Promise<boolean> {
  return (await hasEntries(storage, manifestsKey(repository))) || (await hasEntries(storage, layersKey(repository)));
}

/**
 * All repositories after the one given, in byte order of their components.
 * @param path the components walked into so far
 */
export async function* repositoryNames(
  storage: Storage,
  after: string | undefined,
  path: readonly string[] = [],
): AsyncGenerator<string, void, void> {
  const start = after?.split("/") ?? [];
  const children: string[] = [];
  let isRepository = false;
  for await (const { name, isDirectory } of storage.list([repositoriesKey, ...path].join("/"))) {
    isRepository ||= name === "_manifests" || name === "_layers";
    if (isDirectory && !name.startsWith("_")) {
      children.push(name);
    }
  }
  if (isRepository && path.length > 0 && comparePaths(path, start) > 0) {
    yield path.join("/");
  }
  // Storage lists whole keys in order, where "a-b/" is before "a/".
  for (const name of children.sort()) {
    const child = [...path, name];
    if (isRepositoryName(child.join("/")) && comparePaths(child, start.slice(0, child.length)) >= 0) {
      yield* repositoryNames(storage, after, child);
    }
  }
}

/** By component: what lies below a name comes right after it. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (const [index, component] of a.entries()) {
    const other = b[index];
    if (other === undefined || component !== other) {
      return other === undefined || component > other ? 1 : -1;
    }
  }
  return a.length - b.length;
}

async function* digestsBelow(storage: Storage, key: string): AsyncGenerator<string, void, void> {
  for (const algorithm of digestAlgorithms) {
    for await (const { name: hex } of storage.list(`${key}/${algorithm}`)) {
      if (isDigest(`${algorithm}:${hex}`)) {
        yield `${algorithm}:${hex}`;
      }
    }
  }
}

async function hasEntries(storage: Storage, key: string): Promise<boolean> {
  for await (const _ of storage.list(key)) {
    return true;
  }
  return false;
}
