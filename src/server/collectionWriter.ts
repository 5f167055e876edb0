import { KeyedLock } from "../http/keyedLock.ts";
import type { SigningService } from "../keys/signingService.ts";
import type { UploadPart } from "../notary/upload.ts";
import { ServerError } from "./errors.ts";
import { regenerate } from "./generate.ts";
import type { CurrentCollection, NewContents } from "./currentCollection.ts";
import type { CachedReader } from "./metadataReader.ts";
import type { MetadataStore, NewFile } from "./store.ts";
import type { UpdateContext } from "./updateContext.ts";
import { validateUpload } from "./validateUpload.ts";

export interface CollectionWriterOptions {
  readonly store: MetadataStore;
  readonly reader: CachedReader;
  /** Without one nothing can be signed: uploads and renewals fail with SERVER_NO_SIGNING_SERVICE. */
  readonly signing: SigningService | undefined;
  readonly now: () => Date;
  readonly expiryDays: { readonly snapshot: number; readonly timestamp: number };
  /** How long before its expiry a timestamp is renewed ahead of time, in days. */
  readonly renewalDays: number;
}

const day = 24 * 60 * 60_000;
/** How long a failed renewal ahead of time is not tried again, in milliseconds. */
const retryMs = 10 * 60_000;

/**
 * Everything that changes collections: uploads, renewals, deletions. One change at a time for each GUN, so that what an
 * upload was judged against is what it is stored upon, and many readers of an expired timestamp cause one renewal.
 */
export class CollectionWriter {
  readonly #options: CollectionWriterOptions;
  readonly #lock = new KeyedLock();
  /** When a renewal ahead of time may be tried again, for GUNs where one failed or is under way. */
  readonly #nextRenewal = new Map<string, number>();
  readonly #renewalMs: number;

  constructor(options: CollectionWriterOptions) {
    this.#options = options;
    // At most half of a timestamp's life, or each read would renew it.
    this.#renewalMs = Math.min(options.renewalDays, options.expiryDays.timestamp / 2) * day;
  }

  /**
   * Judges an upload and stores it with what the server adds, or changes nothing.
   * @throws ServerError, ProtocolError: what the uploader is to be told
   */
  publish(gun: string, parts: Iterable<UploadPart>): Promise<void> {
    return this.#lock.run(gun, async () => {
      const context = this.#context(gun);
      const { files, contents } = await validateUpload(context, parts);
      await this.#store(context, files, contents);
    });
  }

  /** Removes a collection. Nothing happens when there is none. */
  delete(gun: string): Promise<void> {
    return this.#lock.run(gun, async () => {
      await this.#options.store.deleteGun(gun, this.#options.now());
      this.#options.reader.deleted(gun);
    });
  }

  /**
   * The current collection with an unexpired timestamp and snapshot, renewed if need be; undefined when there is none.
   * @throws ServerError SERVER_UNREADABLE when it has expired and cannot be renewed
   */
  renew(gun: string): Promise<CurrentCollection | undefined> {
    return this.#renew(gun, 0);
  }

  /** Whether the collection's timestamp or snapshot has expired at `now` (milliseconds since 1970). */
  isExpired(collection: CurrentCollection, now: number): boolean {
    return collection.timestampExpires <= now || collection.snapshotExpires <= now;
  }

  /** Whether the timestamp is close enough to its expiry to be renewed ahead of time. */
  isExpiring(collection: CurrentCollection, now: number): boolean {
    return collection.timestampExpires - this.#renewalMs <= now;
  }

  /** Renews ahead of time while readers still get the present timestamp; a failure waits for a later try. */
  async renewAhead(gun: string): Promise<void> {
    const now = this.#options.now().getTime();
    if ((this.#nextRenewal.get(gun) ?? 0) > now || this.#options.signing === undefined) {
      return;
    }
    this.#nextRenewal.set(gun, now + retryMs);
    await this.#renew(gun, this.#renewalMs);
    this.#nextRenewal.delete(gun);
  }

  /** Resolves when every change that was begun has ended. */
  idle(): Promise<void> {
    return this.#lock.idle();
  }

  #renew(gun: string, aheadMs: number): Promise<CurrentCollection | undefined> {
    return this.#lock.run(gun, async () => {
      const { reader } = this.#options;
      const current = await reader.collection(gun);
      const expiringBy = this.#options.now().getTime() + aheadMs;
      if (current === undefined || !this.isExpired(current, expiringBy)) {
        return current;
      }
      const context = this.#context(gun);
      await this.#store(context, await regenerate(context, current, new Date(expiringBy)));
      return reader.collection(gun);
    });
  }

  async #store({ gun, now }: UpdateContext, files: readonly NewFile[], contents?: NewContents): Promise<void> {
    const { store, reader } = this.#options;
    if (files.length > 0) {
      reader.published(gun, await store.putAll(gun, files, now), contents);
    }
  }

  #context(gun: string): UpdateContext {
    const { reader, signing, now, expiryDays } = this.#options;
    if (signing === undefined) {
      throw new ServerError("SERVER_NO_SIGNING_SERVICE", "this server has no signing service");
    }
    return { gun, reader, signing, now: now(), expiryDays };
  }
}
