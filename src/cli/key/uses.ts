import type { KeyUse } from "../../trust/keyUses.ts";
import { keyUses } from "../../trust/keyUses.ts";
import { knownCollections } from "../namedCollection.ts";
import { forEachImage } from "../outcome.ts";
import type { Publisher } from "../publisher.ts";

/** What the collections known on this machine let each key sign. */
export interface KnownUses {
  readonly of: (keyId: string) => readonly KeyUse[];
  /** The collections that were asked. */
  readonly collections: readonly string[];
  /** Those of them that are known as of an earlier answer of their trust server, which did not answer now. */
  readonly stale: readonly string[];
  /** Those of them that could not be verified, so that nobody knows what their keys may sign. */
  readonly unknown: readonly { readonly collection: string; readonly error: unknown }[];
}

/** Brings every collection in the trust directory up to date and finds out which keys its roles name. */
export async function knownUses(publisher: Publisher): Promise<KnownUses> {
  const { collections, withoutHost } = await knownCollections(publisher.trustDir);
  for (const gun of withoutHost) publisher.ui.warn(`${gun} is left out: its name does not say on which host it is`);
  const outcomes = await forEachImage(collections, async (name) => {
    const collection = await publisher.withCollection(name, (opened) => opened.update());
    return { uses: keyUses(collection), gun: collection.gun, isStale: collection.origin === "cache" };
  });
  const found = outcomes.flatMap((outcome) => ("result" in outcome ? [outcome.result] : []));
  return {
    of: (keyId) => found.flatMap(({ uses }) => uses.get(keyId) ?? []),
    collections: collections.map(({ gun }) => gun),
    stale: found.filter(({ isStale }) => isStale).map(({ gun }) => gun),
    unknown: outcomes.flatMap((outcome) =>
      "error" in outcome ? [{ collection: outcome.image, error: outcome.error }] : [],
    ),
  };
}

/** A role that a key signs for, for people. */
export function describeUse({ collection, role, keys, threshold }: KeyUse): string {
  return `${role} of ${collection}${threshold > 1 ? ` (${threshold} of ${keys} keys have to)` : ""}`;
}
