import type { Answer } from "../../http/answer.ts";
import { envelope } from "../errorAnswer.ts";
import { freshCollection, isFresh } from "../freshCollection.ts";
import type { Handler, ServerContext } from "../serverContext.ts";
import type { StoredFile } from "../store.ts";

const notStored = envelope("METADATA_NOT_FOUND", {});
/** Files are found by SHA-256 only, as in the original; longer checksums are well-formed and never found. */
const sha256Length = 64;

/**
 * `GET <role>.json`. Timestamp and snapshot are renewed when they have expired. The usual case, everything in memory and
 * unexpired, is a look-up and two comparisons of numbers.
 */
export const currentMetadata: Handler<"current"> = (context, { gun, role }) => {
  const collection = context.reader.cachedCollection(gun);
  if (collection === undefined) {
    return loadCurrent(context, gun, role);
  }
  if (role === "timestamp" || role === "snapshot") {
    return isFresh(context, collection)
      ? context.answers.of(collection[role], "current")
      : loadCurrent(context, gun, role);
  }
  const sha256 = collection.named.get(role);
  const file = sha256 === undefined ? undefined : context.reader.cachedFile(gun, role, sha256);
  return file === undefined ? loadCurrent(context, gun, role) : context.answers.of(file, "current");
};

/** `GET <role>.<checksum>.json`: these bytes never change. */
export const metadataByChecksum: Handler<"byChecksum"> = (context, { gun, role, checksum }) => {
  if (checksum.length !== sha256Length) {
    return notStored;
  }
  const file = context.reader.cachedFile(gun, role, checksum);
  return file === undefined
    ? consistent(context, context.reader.byChecksum(gun, role, checksum))
    : context.answers.of(file, "consistent");
};

/** `GET <version>.<role>.json`: these bytes never change either, while the collection is not deleted. */
export const metadataByVersion: Handler<"byVersion"> = (context, { gun, role, version, digits }) => {
  if (version === undefined) {
    // Go's words for a number that does not fit into 64 bits.
    return envelope("METADATA_NOT_FOUND", { Func: "Atoi", Num: digits.slice(0, 64), Err: {} });
  }
  return consistent(context, context.reader.byVersion(gun, role, version));
};

async function consistent({ answers }: ServerContext, found: Promise<StoredFile | undefined>): Promise<Answer> {
  const file = await found;
  return file === undefined ? notStored : answers.of(file, "consistent");
}

async function loadCurrent(context: ServerContext, gun: string, role: string): Promise<Answer> {
  const { reader, answers } = context;
  const file =
    role === "timestamp" || role === "snapshot"
      ? (await freshCollection(context, gun))?.[role]
      : await reader.current(gun, role);
  return file === undefined ? notStored : answers.of(file, "current");
}
