import { KeysError } from "../keys/errors.ts";
import type { PublisherKeys } from "../keys/keyRing.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { NotaryError } from "../notary/errors.ts";
import type { Limits } from "../tuf/limits.ts";
import { MetadataCache } from "./cache.ts";
import { Changelist } from "./changelist.ts";
import { parseGun } from "./gun.ts";
import type { LastSeen } from "./lastSeen.ts";
import { LocalSigners } from "./localSigners.ts";
import { PinPolicy } from "./pins.ts";
import type { RemoteCollections } from "./remoteCollections.ts";
import type { UpdaterOptions } from "./updater.ts";
import type { WarningSink } from "./warning.ts";

export interface CollectionOptions {
  readonly gun: string;
  /** `~/.docker/trust`, `~/.notary` or the like: the metadata cache and the changelist are kept below it. */
  readonly trustDir: string;
  /** Without one the client is offline. */
  readonly server?: RemoteCollections | undefined;
  /** What makes a first root trusted. Default: nothing, so that first use has to be asked for. */
  readonly pins?: PinPolicy | undefined;
  /** What earlier runs have seen. Without it only the cache protects against a step back. */
  readonly lastSeen?: LastSeen | undefined;
  /** Needed to initialise, publish and rotate: a KeyStore, or a KeyRing where keys are also kept elsewhere. */
  readonly keys?: PublisherKeys | undefined;
  readonly passphrases?: PassphraseSource | undefined;
  /** Read once per operation. */
  readonly now?: (() => Date) | undefined;
  readonly onWarning?: WarningSink | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

/** All that the operations on one collection work with, defaults filled in. */
export class CollectionContext {
  readonly gun: string;
  readonly remote: RemoteCollections;
  readonly cache: MetadataCache;
  readonly changelist: Changelist;
  readonly lastSeen: LastSeen | undefined;
  readonly now: () => Date;
  readonly warn: WarningSink;
  readonly #pins: PinPolicy;
  readonly #limits: Partial<Limits> | undefined;
  readonly #keys: PublisherKeys | undefined;
  readonly #passphrases: PassphraseSource;
  #signers: LocalSigners | undefined;

  /** @throws TrustError TRUST_GUN */
  constructor(options: CollectionOptions) {
    this.gun = parseGun(options.gun);
    this.remote = options.server ?? offline;
    this.cache = new MetadataCache(options.trustDir, this.gun);
    this.changelist = new Changelist(options.trustDir, this.gun);
    this.lastSeen = options.lastSeen;
    this.now = options.now ?? (() => new Date());
    this.warn = options.onWarning ?? (() => {});
    this.#pins = options.pins ?? PinPolicy.pinnedOnly();
    this.#limits = options.limits;
    this.#keys = options.keys;
    this.#passphrases = options.passphrases ?? (async () => undefined);
  }

  /** What an update needs; `purpose` as in UpdaterOptions. */
  updaterOptions(now: Date, purpose: "read" | "write"): UpdaterOptions {
    const { gun, cache, remote, lastSeen, warn } = this;
    return { gun, cache, remote, lastSeen, warn, now, purpose, pins: this.#pins, limits: this.#limits };
  }

  /** @throws KeysError KEYS_NOT_FOUND when the collection was opened without a key store */
  get keys(): PublisherKeys {
    if (this.#keys === undefined) {
      throw new KeysError("KEYS_NOT_FOUND", "no key store is at hand");
    }
    return this.#keys;
  }

  get passphrases(): PassphraseSource {
    return this.#passphrases;
  }

  /** The private keys for signing, each opened once. */
  get signers(): LocalSigners {
    return (this.#signers ??= new LocalSigners(this.keys, this.#passphrases));
  }
}

const unanswered = (): Promise<never> => Promise.reject(new NotaryError("NOTARY_OFFLINE", "client is offline"));

/** The trust server that is not there. */
const offline: RemoteCollections = {
  host: "offline",
  getMetadata: unanswered,
  getKey: unanswered,
  rotateKey: unanswered,
  publish: unanswered,
  delete: unanswered,
};
