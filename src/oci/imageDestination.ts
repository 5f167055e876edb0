import type { Content, PushOutcome } from "./blobUpload.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { CallOptions } from "./registryClient.ts";

export interface PutBlobOptions extends CallOptions {
  /** Where in the same registry the blob lies already, if it does. */
  readonly mountFrom?: string | undefined;
  /** Told how many bytes have been written. Goes back when some have to be written again. */
  readonly onProgress?: (written: number) => void;
}

/**
 * A place that an image can be written to: first its blobs, then the manifests that need them, and at last `commit`, before
 * which the name of the place means what it meant before.
 */
export interface ImageDestination {
  /** How messages name the place. */
  readonly name: string;
  /** The registry it lies in, if it does: `host[:port]`, or `docker.io`. */
  readonly registry?: string;
  /** Places that hold a single image only say for which platform they want it. */
  platform?(options?: CallOptions): Promise<Platform>;

  /** Makes the blob be there. May be called for several at once; `content` is read at most as often as needed. */
  putBlob(descriptor: Descriptor, content: Content, options?: PutBlobOptions): Promise<PushOutcome>;

  /** Makes the manifest be there under its digest; one with a subject can then be found as a referrer. */
  putManifest(fetched: FetchedManifest, options?: CallOptions): Promise<void>;

  /** Stores the manifest and makes the name of the place mean it, both at once. Answers what the name then means. */
  commit(root: FetchedManifest, options?: CallOptions): Promise<Descriptor>;

  /** Lets go of everything; without a commit nothing can be seen of what was written, or only content nobody names. */
  close(): Promise<void>;
}
