import type { SigningService } from "../keys/signingService.ts";
import type { MetadataReader } from "./metadataReader.ts";

/** What judging an upload, and making metadata on the server's side, depends on. */
export interface UpdateContext {
  readonly gun: string;
  readonly reader: MetadataReader;
  readonly signing: SigningService;
  /** The moment of the request; read once. */
  readonly now: Date;
  /** How long generated metadata lasts, in days. */
  readonly expiryDays: { readonly snapshot: number; readonly timestamp: number };
}
