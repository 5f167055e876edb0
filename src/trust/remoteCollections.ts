import type { PublicKey } from "../tuf/key.ts";

/**
 * What the client asks of a trust server. `TrustServer` of src/notary is one; tests and mirrors may be others.
 * Failures are NotaryErrors; NOTARY_NOT_FOUND and outages (`isOutage`) are told apart by the updater.
 */
export interface RemoteCollections {
  /** `host[:port]`, as messages name the server. */
  readonly host: string;
  /** At most `limit` bytes. */
  getMetadata(
    gun: string,
    role: string,
    which?: { readonly checksum: string } | { readonly version: number },
    options?: { readonly limit?: number },
  ): Promise<Uint8Array>;
  getKey(gun: string, role: string): Promise<PublicKey>;
  rotateKey(gun: string, role: string): Promise<PublicKey>;
  publish(gun: string, files: Iterable<{ readonly role: string; readonly bytes: Uint8Array }>): Promise<void>;
  delete(gun: string): Promise<void>;
}
