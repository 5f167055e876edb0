import { generateKey } from "../keys/generate.ts";
import { NotaryError } from "../notary/errors.ts";
import type { PublicKey } from "../tuf/key.ts";
import { LastSeen } from "./lastSeen.ts";
import type { PlannedKey } from "./plannedKeys.ts";
import type { RemoteCollections } from "./remoteCollections.ts";

/** The trust server of a plan: the real one where it is read; what would be written is kept here. */
export class PlannedRemote implements RemoteCollections {
  readonly newKeys: PlannedKey[] = [];
  published: readonly { readonly role: string; readonly bytes: Uint8Array }[] = [];
  readonly #remote: RemoteCollections;

  constructor(remote: RemoteCollections) {
    this.#remote = remote;
  }

  get host(): string {
    return this.#remote.host;
  }

  getMetadata: RemoteCollections["getMetadata"] = (gun, role, which, options) => {
    return this.#remote.getMetadata(gun, role, which, options);
  };

  /** A server makes a key when it is asked for one it does not have, so it is not asked. */
  getKey: RemoteCollections["getKey"] = (_gun, role) => this.#newKey(role);

  rotateKey: RemoteCollections["rotateKey"] = (_gun, role) => this.#newKey(role);

  publish: RemoteCollections["publish"] = async (_gun, files) => {
    this.published = [...files];
  };

  delete: RemoteCollections["delete"] = () => {
    return Promise.reject(new NotaryError("NOTARY_OFFLINE", "client is offline"));
  };

  async #newKey(role: string): Promise<PublicKey> {
    this.newKeys.push({ role, keptBy: "trust server" });
    return generateKey("ecdsa").publicKey;
  }
}

/** What was seen, to be asked and not told. */
export class UnchangedLastSeen extends LastSeen {
  readonly #real: LastSeen;

  constructor(real: LastSeen) {
    super(real.directory);
    this.#real = real;
  }

  override read(gun: string): ReturnType<LastSeen["read"]> {
    return this.#real.read(gun);
  }

  override pathOf(gun: string): string {
    return this.#real.pathOf(gun);
  }

  override async remember(): Promise<void> {}

  override async forget(): Promise<void> {}
}
