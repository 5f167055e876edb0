import { digestOf } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import type { NewManifest, RegistryStore } from "../../src/registry/store.ts";

/* Content for tests of the registry's stores: pushed, read back and checked without HTTP. */

const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

/** A clock that stands still until it is told to move on. */
export class ManualClock {
  #time = Date.now();
  readonly now = (): Date => new Date(this.#time);
  advance(milliseconds: number): Date {
    this.#time += milliseconds;
    return this.now();
  }
}

/** Pushes a blob in one go and answers its digest. */
export async function pushContent(store: RegistryStore, repository: string, content: Uint8Array): Promise<string> {
  const upload = await store.startUpload(repository);
  await upload.write(content);
  return (await upload.commit(digestOf(content))).digest;
}

/** The whole of a blob; undefined when the repository lacks it. */
export async function readContent(
  store: RegistryStore,
  repository: string,
  digest: string,
): Promise<Buffer | undefined> {
  const blob = await store.openBlob(repository, digest);
  if (blob === undefined) return undefined;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of blob.read()) chunks.push(Buffer.from(chunk));
  } finally {
    await blob.close();
  }
  return Buffer.concat(chunks);
}

/** An image manifest of a config and layers that are in the repository, with any other members. */
export function imageOf(config: string, layers: readonly string[], members: object = {}): NewManifest {
  const descriptor = (mediaType: string, digest: string) => ({ mediaType, digest, size: 1 });
  const document = {
    schemaVersion: 2,
    mediaType: manifestTypes.ociImage,
    config: descriptor(configType, config),
    layers: layers.map((digest) => descriptor(layerType, digest)),
    ...members,
  };
  const references = [config, ...layers].map((digest) => ({ digest, kind: "blob" }) as const);
  return { ...manifestOf(document, manifestTypes.ociImage), references };
}

/** An index of manifests that are in the repository. */
export function indexOf(manifests: readonly string[], members: object = {}): NewManifest {
  const document = {
    schemaVersion: 2,
    mediaType: manifestTypes.ociIndex,
    manifests: manifests.map((digest) => ({ mediaType: manifestTypes.ociImage, digest, size: 1 })),
    ...members,
  };
  const references = manifests.map((digest) => ({ digest, kind: "manifest" }) as const);
  return { ...manifestOf(document, manifestTypes.ociIndex), references };
}

/** The member that makes a manifest a referrer of another. */
export function subjectMember(digest: string): object {
  return { subject: { mediaType: manifestTypes.ociImage, digest, size: 1 } };
}

/** Why a tag cannot be pulled whole with every digest right; undefined when it can. */
export async function brokenAt(store: RegistryStore, repository: string, tag: string): Promise<string | undefined> {
  const digest = await store.getTag(repository, tag);
  return digest === undefined ? `no tag ${tag}` : await brokenManifest(store, repository, digest);
}

async function brokenManifest(store: RegistryStore, repository: string, digest: string): Promise<string | undefined> {
  const manifest = await store.getManifest(repository, digest);
  if (manifest === undefined || digestOf(manifest.bytes) !== digest) return `manifest ${digest}`;
  const {
    config,
    layers = [],
    manifests = [],
  } = JSON.parse(Buffer.from(manifest.bytes).toString()) as {
    config?: { digest: string };
    layers?: { digest: string }[];
    manifests?: { digest: string }[];
  };
  for (const named of [...(config === undefined ? [] : [config]), ...layers]) {
    const content = await readContent(store, repository, named.digest);
    if (content === undefined || digestOf(content) !== named.digest) return `blob ${named.digest} of ${digest}`;
  }
  for (const child of manifests) {
    const broken = await brokenManifest(store, repository, child.digest);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function manifestOf(document: object, mediaType: string): Omit<NewManifest, "references"> {
  const bytes = Buffer.from(JSON.stringify(document));
  return { digest: digestOf(bytes), mediaType, bytes };
}
