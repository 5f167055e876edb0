import { join } from "node:path";
import { generateKey } from "../../src/keys/generate.ts";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fixedPassphrase } from "../../src/keys/passphrase.ts";
import { selfSignedCertificate } from "../../src/keys/rootCertificate.ts";
import { MetadataCache } from "../../src/trust/cache.ts";
import { Ceremony } from "../../src/trust/ceremony.ts";
import type { CeremonyChange } from "../../src/trust/ceremonyChange.ts";
import type { FinishedCeremony } from "../../src/trust/ceremonyFinish.ts";
import { checkAgainstMemory, type CeremonyAnchor } from "../../src/trust/ceremonyMemory.ts";
import { addSignatures, pendingSignatures } from "../../src/trust/ceremonySigning.ts";
import { Collection } from "../../src/trust/collection.ts";
import { LastSeen } from "../../src/trust/lastSeen.ts";
import { PinPolicy } from "../../src/trust/pins.ts";
import type { PublicKey } from "../../src/tuf/key.ts";
import { RecordingRemote } from "./recordingRemote.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";

const passphrases = fixedPassphrase("a passphrase");

/** One of the machines of a ceremony: keys and trust data of its own, and a way to the trust server unless it is offline. */
export class CeremonyMachine {
  readonly gun: string;
  readonly home: string;
  readonly keys: KeyStore;
  readonly remote: RecordingRemote | undefined;
  readonly lastSeen: LastSeen;
  readonly cache: MetadataCache;
  now: () => Date = () => new Date();

  constructor(t: Scope, gun: string, url?: string) {
    this.gun = gun;
    this.home = temporaryDirectory(t);
    this.keys = new KeyStore(this.home);
    this.lastSeen = new LastSeen(join(this.home, "state"));
    this.cache = new MetadataCache(this.home, gun);
    this.remote = url === undefined ? undefined : new RecordingRemote({ url, access: "*" });
    const { remote } = this;
    if (remote !== undefined) t.after(() => remote.close());
  }

  get collection(): Collection {
    const { gun, home, keys, lastSeen, now } = this;
    const server = this.remote;
    return Collection.open({
      gun,
      trustDir: home,
      server,
      pins: PinPolicy.firstUse(),
      lastSeen,
      keys,
      passphrases,
      now,
    });
  }

  /** A new key in this machine's store; its public half. */
  async makeKey(role: string): Promise<PublicKey> {
    const key = generateKey("ecdsa");
    await this.keys.add(key, { role, gun: this.gun }, passphrases);
    return key.publicKey;
  }

  /** A new root key in this machine's store, in a certificate for the collection. */
  async makeRootKey(): Promise<PublicKey> {
    return await this.certify((await this.makeKey("root")).id);
  }

  /** A fresh certificate for a key of this machine. */
  async certify(id: string): Promise<PublicKey> {
    return selfSignedCertificate(await this.keys.get(id, passphrases), this.gun, new Date());
  }

  async start(changes: readonly CeremonyChange[], validDays = 30): Promise<Uint8Array> {
    return (await this.collection.startCeremony({ changes, validDays })).encode();
  }

  /** Proposes a new collection. */
  async begin(changes: readonly CeremonyChange[]): Promise<Uint8Array> {
    return (await this.collection.startCeremony({ changes, validDays: 30, begin: true })).encode();
  }

  /** Judges a file as `ceremony sign` does. */
  async check(file: Uint8Array, rootKeys?: readonly string[]): Promise<CeremonyAnchor> {
    const { cache, lastSeen } = this;
    return await checkAgainstMemory(this.read(file), { cache, lastSeen, rootKeys, now: this.now() });
  }

  /** Adds what this machine's keys can. */
  async sign(file: Uint8Array): Promise<Uint8Array> {
    await this.check(file);
    const ceremony = this.read(file);
    const pending = await pendingSignatures(ceremony, this.keys);
    return (await addSignatures(ceremony, pending, { keys: this.keys, passphrases })).encode();
  }

  async finish(file: Uint8Array): Promise<FinishedCeremony> {
    return await this.collection.finishCeremony(this.read(file));
  }

  read(file: Uint8Array): Ceremony {
    return Ceremony.read(file, this.now());
  }
}

/** `role by signed/threshold` of each need. */
export function progressOf(file: Uint8Array): string[] {
  return Ceremony.read(file, new Date()).progress.map(({ role, by, threshold, missing, keys }) => {
    return `${role} by ${by}: ${threshold - missing} of ${threshold} (${keys.length} keys)`;
  });
}
