import type { Descriptor } from "./descriptor.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { CallOptions } from "./registryClient.ts";

/** A place that an image can be read from. Whatever it gives out has been checked against the descriptor asked for. */
export interface ImageSource {
  /** How messages name the place. */
  readonly name: string;
  /** The repository of a registry that the content lies in, if it does: another repository there can take it over. */
  readonly repository?: { readonly domain: string; readonly path: string };

  /** The manifest or index that the place stands for. The same one each time. */
  resolve(options?: CallOptions): Promise<FetchedManifest>;

  /** @throws OciError OCI_NOT_FOUND, and what checking finds */
  getManifest(descriptor: Descriptor, options?: CallOptions): Promise<FetchedManifest>;

  /**
   * The content as it streams, from its start each time. Nothing may be kept before the last chunk has come without an
   * error. The chunks belong to who reads them.
   * @throws OciError OCI_NOT_FOUND, and what checking finds
   */
  getBlob(descriptor: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array>;

  /** The manifests that name `digest` as their subject. */
  referrers(digest: string, options?: CallOptions): Promise<readonly Descriptor[]>;

  /** Lets go of files and connections that belong to the source alone. */
  close(): Promise<void>;
}
