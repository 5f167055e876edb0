/** The media types a registry keeps manifests under (image-spec 1.1; Docker image manifest version 2, schema 2). */
export const manifestTypes = {
  ociImage: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerImage: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

/** Schema 1, which old data directories still hold. Nothing new is accepted under these. */
export const schema1Types = {
  signed: "application/vnd.docker.distribution.manifest.v1+prettyjws",
  unsigned: "application/vnd.docker.distribution.manifest.v1+json",
} as const;

/** What a manifest is about: one image (or artifact), or other manifests. */
export type ManifestKind = "image" | "index";

const kinds: ReadonlyMap<string, ManifestKind> = new Map([
  [manifestTypes.ociImage, "image"],
  [manifestTypes.dockerImage, "image"],
  [manifestTypes.ociIndex, "index"],
  [manifestTypes.dockerList, "index"],
]);

/** Layers whose bytes are kept elsewhere, by right or by licence. */
const foreignLayerTypes: ReadonlySet<string> = new Set([
  "application/vnd.docker.image.rootfs.foreign.diff.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
]);

/** The kind of a manifest of this media type; undefined for every other type. */
export function manifestKind(mediaType: string): ManifestKind | undefined {
  return kinds.get(mediaType);
}

export function isForeignLayer(mediaType: string): boolean {
  return foreignLayerTypes.has(mediaType);
}

/** A media type without its parameters, in small letters (RFC 9110 §8.3.1). */
export function bareMediaType(header: string): string {
  const semicolon = header.indexOf(";");
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
}
