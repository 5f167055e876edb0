import { createHash, randomFillSync } from "node:crypto";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import type { Exchange, Target } from "./load.ts";
import { measureLoad } from "./load.ts";

/** Content that no registry has seen, with its digest. */
export function newBlob(size: number): { readonly bytes: Buffer; readonly digest: string } {
  const bytes = Buffer.allocUnsafe(size);
  randomFillSync(bytes);
  return { bytes, digest: digestOf(bytes) };
}

/** The same memory with other content at its beginning: a different blob at no cost but its digest. */
export function changedBlob(bytes: Buffer): { readonly bytes: Buffer; readonly digest: string } {
  randomFillSync(bytes, 0, Math.min(16, bytes.length));
  return { bytes, digest: digestOf(bytes) };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** POST, then PUT with the whole body: what containerd and oras send. */
export function uploadOf(repository: string, bytes: Uint8Array, digest: string): Exchange {
  return {
    method: "POST",
    path: `/v2/${repository}/blobs/uploads/`,
    status: 202,
    next: (location) => {
      location.searchParams.set("digest", digest);
      return { method: "PUT", path: location.pathname + location.search, body: bytes, status: 201 };
    },
  };
}

/** Puts an image with this layer under the tag and returns its digest. */
export async function pushImage(target: Target, repository: string, tag: string, layerSize: number): Promise<string> {
  const config = newBlob(1024);
  const layer = newBlob(layerSize);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestTypes.dockerImage,
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        size: config.bytes.length,
        digest: config.digest,
      },
      layers: [
        {
          mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
          size: layer.bytes.length,
          digest: layer.digest,
        },
      ],
    }),
  );
  const put: Exchange = {
    method: "PUT",
    path: `/v2/${repository}/manifests/${tag}`,
    body: manifest,
    headers: { "Content-Type": manifestTypes.dockerImage },
    status: 201,
  };
  await measureLoad(target, [
    [uploadOf(repository, config.bytes, config.digest), uploadOf(repository, layer.bytes, layer.digest), put],
  ]);
  return digestOf(manifest);
}
