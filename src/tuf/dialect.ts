import type { JsonObject } from "./json.ts";
import type { Limits } from "./limits.ts";
import type { MetadataBody, OpenedFile, Root, SignedFile, Snapshot, Targets, Timestamp } from "./metadata.ts";
import type { Signature } from "./signature.ts";

/**
 * How metadata is written: the seam between the rules and a JSON format. A collection's dialect is configured, never
 * guessed from a file, and no file is judged under two of them.
 *
 * Reading has two stages because the rules come in different orders: top-level targets have their signatures checked before
 * their structure, delegations the other way round.
 */
export interface Dialect {
  readonly name: "notary" | "tuf";
  /**
   * Stage one: the JSON, the signature entries, and the types of the common members.
   * @throws TufError TUF_JSON, TUF_TOO_LARGE, TUF_MALFORMED
   */
  openFile(role: string, bytes: Uint8Array, limits?: Partial<Limits>): OpenedFile;
  /** Stage two for root. @throws TufError TUF_MALFORMED */
  decodeRoot(file: OpenedFile): SignedFile<Root>;
  /** Stage two for targets and delegations. @throws TufError TUF_MALFORMED */
  decodeTargets(file: OpenedFile): SignedFile<Targets>;
  /** Stage two for snapshot. @throws TufError TUF_MALFORMED */
  decodeSnapshot(file: OpenedFile): SignedFile<Snapshot>;
  /** Stage two for timestamp. @throws TufError TUF_MALFORMED */
  decodeTimestamp(file: OpenedFile): SignedFile<Timestamp>;
  /** The `_type` that the file of a role carries. */
  typeOf(role: string): string;
  /** The `signed` object of a body. */
  encodeBody(body: MetadataBody): JsonObject;
  /**
   * The bytes that signatures are made over.
   * @throws TufError TUF_UNENCODABLE
   */
  messageOf(signed: JsonObject): Uint8Array;
  /**
   * The file, from a message and the signatures over it.
   * @throws TufError TUF_UNENCODABLE
   */
  encodeFile(message: Uint8Array, signatures: readonly Signature[]): Uint8Array;
}
