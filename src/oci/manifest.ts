import {
  checkSpelling,
  isRecord,
  optionalString,
  present,
  readAnnotations,
  readDescriptor,
  wrong,
  type Descriptor,
  type JsonRecord,
} from "./descriptor.ts";
import { findDuplicateMember } from "./duplicateMember.ts";
import { OciError } from "./errors.ts";
import { isForeignLayer, manifestKind, manifestTypes, schema1Types, type ManifestKind } from "./mediaType.ts";

interface CommonMembers {
  readonly mediaType: string;
  /** The manifest this one is about. It need not exist. */
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageManifest extends CommonMembers {
  readonly kind: "image";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex extends CommonMembers {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

export type Manifest = ImageManifest | ImageIndex;

/** Content that a manifest needs in its own repository. */
export interface Reference {
  readonly digest: string;
  /** `manifest` for children of an index, `blob` for config, layers, and what else an index lists (build caches do). */
  readonly kind: "manifest" | "blob";
}

/** Members whose meaning decides what a manifest stands for. */
const members = ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "fsLayers"];

/** What the other kind of manifest has; a document with both kinds of members is two documents in one (CVE-2021-41190). */
const foreignMembers: Readonly<Record<ManifestKind, readonly string[]>> = {
  image: ["manifests", "fsLayers"],
  index: ["config", "layers", "fsLayers"],
};

/**
 * Reads a manifest or an index. Unknown members and types pass. What two programs could read differently does not: duplicate
 * members, known members in another case, members of both kinds, a media type other than the one declared.
 *
 * @param declared the media type that the manifest was sent under; without one its own, or its shape, tells
 * @throws OciError OCI_MANIFEST, OCI_MANIFEST_TYPE
 */
export function parseManifest(bytes: Uint8Array, declared?: string): Manifest {
  const { text, document } = decode(bytes);
  const own = optionalString(document["mediaType"], "mediaType");
  const mediaType = declared ?? own ?? inferType(document);
  const kind = mediaType === undefined ? undefined : manifestKind(mediaType);
  if (mediaType === undefined || kind === undefined) {
    throw new OciError("OCI_MANIFEST_TYPE", `${mediaType ?? "no media type"} is not the media type of a manifest`);
  }
  if (own !== undefined && own !== mediaType) {
    throw wrong("mediaType", `is ${own}, but the manifest was sent as ${mediaType}`);
  }
  checkSpelling(document, members, "the manifest");
  const duplicate = findDuplicateMember(text);
  if (duplicate !== undefined) {
    throw wrong(`the member ${JSON.stringify(duplicate)}`, "is there twice");
  }
  if (document["schemaVersion"] !== 2) {
    throw wrong("schemaVersion", "must be 2");
  }
  const foreign = foreignMembers[kind].find((name) => present(document[name]));
  if (foreign !== undefined) {
    throw wrong(foreign, `does not belong into a document of type ${mediaType}`);
  }
  const common = { mediaType, ...readCommonMembers(document) };
  if (kind === "index") {
    return { kind, ...common, manifests: readDescriptors(document, "manifests") };
  }
  const config = readDescriptor(document["config"], "config");
  return { kind, ...common, config, layers: readDescriptors(document, "layers") };
}

/** What has to be in the repository for the manifest to be whole, each digest once. */
export function referencesOf(manifest: Manifest): readonly Reference[] {
  const references = new Map<string, Reference>();
  const add = (digest: string, kind: Reference["kind"]): void => {
    references.set(`${kind} ${digest}`, { digest, kind });
  };
  if (manifest.kind === "index") {
    for (const { digest, mediaType } of manifest.manifests) {
      add(digest, manifestKind(mediaType) === undefined ? "blob" : "manifest");
    }
    return [...references.values()];
  }
  add(manifest.config.digest, "blob");
  for (const { digest, mediaType, urls = [] } of manifest.layers) {
    if (urls.length === 0 && !isForeignLayer(mediaType)) {
      add(digest, "blob");
    }
  }
  return [...references.values()];
}

/** The artifact type under which the referrers of its subject list a manifest (distribution-spec, "Listing Referrers"). */
export function artifactTypeOf(manifest: Manifest): string | undefined {
  return manifest.artifactType ?? (manifest.kind === "image" ? manifest.config.mediaType : undefined);
}

/**
 * The media type of stored bytes for which none was kept, as in the data directories of other registries: what the document
 * says itself, else what its shape says. Undefined when it is no manifest at all. Nothing is checked beyond that.
 */
export function inferMediaType(bytes: Uint8Array): string | undefined {
  try {
    const { document } = decode(bytes);
    return optionalString(document["mediaType"], "mediaType") ?? inferType(document);
  } catch (error) {
    if (error instanceof OciError) {
      return undefined;
    }
    throw error;
  }
}

function decode(bytes: Uint8Array): { readonly text: string; readonly document: JsonRecord } {
  let text: string;
  let document: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    document = JSON.parse(text);
  } catch (cause) {
    throw new OciError("OCI_MANIFEST", "the manifest is not JSON in UTF-8", { cause });
  }
  if (!isRecord(document)) {
    throw wrong("the manifest", "must be a JSON object");
  }
  return { text, document };
}

function inferType(document: JsonRecord): string | undefined {
  if (document["schemaVersion"] === 1) {
    return Array.isArray(document["signatures"]) ? schema1Types.signed : schema1Types.unsigned;
  }
  if (present(document["manifests"])) {
    return manifestTypes.ociIndex;
  }
  return present(document["config"]) || present(document["layers"]) ? manifestTypes.ociImage : undefined;
}

function readCommonMembers(document: JsonRecord): Omit<CommonMembers, "mediaType"> {
  const subject = present(document["subject"]) ? readDescriptor(document["subject"], "subject") : undefined;
  const artifactType = optionalString(document["artifactType"], "artifactType");
  const annotations = readAnnotations(document["annotations"], "annotations");
  return {
    ...(subject !== undefined && { subject }),
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
}

function readDescriptors(document: JsonRecord, name: string): readonly Descriptor[] {
  const list = document[name];
  if (list === null) {
    return [];
  }
  if (!Array.isArray(list)) {
    throw wrong(name, "must be a list");
  }
  return list.map((item, index) => readDescriptor(item, `${name}[${index}]`));
}
