import { isDigest } from "../oci/digest.ts";

/** Members under which manifests of every kind name what they consist of. `subject` is not one of them. */
const blobMembers = ["config", "layers", "blobs", "fsLayers"] as const;
/** Deeper nesting than manifests have. */
const deepest = 16;

export interface NamedDigests {
  readonly manifests: ReadonlySet<string>;
  readonly blobs: ReadonlySet<string>;
}

/**
 * All digests that a stored manifest needs, of whatever type it is and however broken: garbage collection rather keeps too much.
 * Bytes that are not a JSON object need nothing.
 */
export function digestsNamedIn(bytes: Uint8Array): NamedDigests {
  const manifests = new Set<string>();
  const blobs = new Set<string>();
  const document = parse(bytes);
  collect(document["manifests"], manifests, 0);
  for (const member of blobMembers) {
    collect(document[member], blobs, 0);
  }
  return { manifests, blobs };
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof document === "object" && document !== null ? (document as Record<string, unknown>) : {};
  } catch {
    return {}; // No client can read it as a manifest either.
  }
}

function collect(value: unknown, found: Set<string>, depth: number): void {
  if (typeof value === "string") {
    if (isDigest(value)) {
      found.add(value);
    }
  } else if (typeof value === "object" && value !== null && depth < deepest) {
    for (const member of Object.values(value)) {
      collect(member, found, depth + 1);
    }
  }
}
