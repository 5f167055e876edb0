import type { Descriptor } from "./descriptor.ts";
import { manifestTypes } from "./mediaType.ts";
import { imageNameAnnotation, refNameAnnotation } from "./layoutFormat.ts";

export interface ImageLabels {
  /** The tag, or another name that fits into the annotation. */
  readonly ref?: string | undefined;
  /** The full name of the image. */
  readonly imageName?: string | undefined;
}

/**
 * What `index.json` says after an image was written: the image takes its name over from whatever had it, and has no second
 * entry. Referrers are listed without a name, so that they can be found.
 */
export function updatedEntries(
  entries: readonly Descriptor[],
  root: Descriptor,
  labels: ImageLabels,
  referrers: readonly Descriptor[],
): readonly Descriptor[] {
  const { mediaType, digest, size, artifactType } = root;
  const annotations = {
    ...(labels.imageName !== undefined && { [imageNameAnnotation]: labels.imageName }),
    ...(labels.ref !== undefined && { [refNameAnnotation]: labels.ref }),
  };
  const image: Descriptor = {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const listed = new Set([digest, ...referrers.map((entry) => entry.digest)]);
  const kept = entries.filter((entry) => {
    const name = entry.annotations?.[refNameAnnotation];
    // Without a name, an image takes the place of the image without a name; what has an artifact type is a referrer.
    const replaced =
      labels.ref === undefined ? name === undefined && entry.artifactType === undefined : name === labels.ref;
    return !replaced && !(name === undefined && listed.has(entry.digest));
  });
  return [...kept, image, ...referrers.filter((entry) => entry.digest !== digest)];
}

export function encodeIndex(manifests: readonly Descriptor[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestTypes.ociIndex, manifests }));
}
