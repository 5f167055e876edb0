import type { Content, PushOutcome } from "./blobUpload.ts";
import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
import { familiarText, withDefaultTag, type ImageName } from "./imageName.ts";
import type { ImageSource } from "./imageSource.ts";
import type { CallOptions, RegistryClient } from "./registryClient.ts";

/** An image in a registry: what its digest names or, without one, what its tag means when it is first asked for. */
export class RegistrySource implements ImageSource {
  readonly name: string;
  readonly repository: { readonly domain: string; readonly path: string };
  readonly #client: RegistryClient;
  readonly #reference: string;
  #root: Promise<FetchedManifest> | undefined;

  constructor(client: RegistryClient, image: ImageName) {
    const { path, tag = "latest", digest = tag } = withDefaultTag(image);
    this.name = familiarText(image);
    this.repository = { domain: client.domain, path };
    this.#client = client;
    this.#reference = digest;
  }

  async resolve(options?: CallOptions): Promise<FetchedManifest> {
    this.#root ??= this.#client.getManifest(this.repository.path, this.#reference, options);
    return await this.#root;
  }

  async getManifest(descriptor: Descriptor, options?: CallOptions): Promise<FetchedManifest> {
    const root = await this.#root;
    return root?.descriptor.digest === descriptor.digest
      ? root
      : await this.#client.getManifest(this.repository.path, descriptor, options);
  }

  getBlob(descriptor: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array> {
    return this.#client.getBlob(this.repository.path, descriptor, options);
  }

  async referrers(digest: string, options?: CallOptions): Promise<readonly Descriptor[]> {
    return await this.#client.referrers(this.repository.path, digest, options);
  }

  /** The client is left open: it belongs to who made it. */
  async close(): Promise<void> {}
}

/** A repository that an image is pushed to, under a tag or, if the name has only a digest, just as that. */
export class RegistryDestination implements ImageDestination {
  readonly name: string;
  readonly registry: string;
  readonly #client: RegistryClient;
  readonly #image: ImageName;

  constructor(client: RegistryClient, image: ImageName) {
    this.name = familiarText(image);
    this.registry = client.domain;
    this.#client = client;
    this.#image = withDefaultTag(image);
  }

  async putBlob(descriptor: Descriptor, content: Content, options: PutBlobOptions = {}): Promise<PushOutcome> {
    return await this.#client.pushBlob(this.#image.path, descriptor, content, options);
  }

  async putManifest({ descriptor, bytes, manifest }: FetchedManifest, options?: CallOptions): Promise<void> {
    const { mediaType, digest } = descriptor;
    // A referrer may be there and yet not be listed, if an earlier attempt broke off in between.
    const isThere =
      manifest.subject === undefined && (await this.#client.hasManifest(this.#image.path, digest, options));
    if (!isThere) {
      await this.#client.putManifest(this.#image.path, digest, bytes, mediaType, options);
    }
  }

  /** @throws OciError OCI_DIGEST when the name demands another digest */
  async commit({ descriptor, bytes }: FetchedManifest, options?: CallOptions): Promise<Descriptor> {
    const { digest, tag } = this.#image;
    if (digest !== undefined && digest !== descriptor.digest) {
      throw new OciError("OCI_DIGEST", `${this.name} cannot be written: the image is ${descriptor.digest}`, {
        hint: "Leave the digest out of the name.",
      });
    }
    const reference = tag ?? descriptor.digest;
    return await this.#client.putManifest(this.#image.path, reference, bytes, descriptor.mediaType, options);
  }

  /** The client is left open: it belongs to who made it. */
  async close(): Promise<void> {}
}
