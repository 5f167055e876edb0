import { join } from "node:path";
import { generateKey } from "../../keys/generate.ts";
import { KeyStore } from "../../keys/keyStore.ts";
import { TrustServer } from "../../notary/trustServer.ts";
import { copyImage, type CopyResult } from "../../oci/copyImage.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { RegistryClient } from "../../oci/registryClient.ts";
import { RegistryDestination } from "../../oci/registryImage.ts";
import { Collection } from "../../trust/collection.ts";
import { gunOfImage } from "../../trust/gun.ts";
import { PinPolicy } from "../../trust/pins.ts";
import { releasesRole } from "../../trust/inspect.ts";
import type { SignedImage } from "../../trust/signImage.ts";
import type { DemoImage } from "./image.ts";

/** How a person reaches the site. */
export interface SiteAccess {
  readonly url: string;
  readonly host: string;
  /** PEM of the authority that vouches for it. */
  readonly ca: string;
}

/** Somebody who pushes images, and has a collection of their own to sign them in. */
export class Publisher {
  readonly name: string;
  readonly #registry: RegistryClient;
  readonly #trustServer: TrustServer;
  readonly #keys: KeyStore;
  readonly #collection: Collection;

  /**
   * @param repository whose collection is theirs
   * @param home a directory of their own, where keys are kept
   */
  constructor(name: string, repository: ImageName, home: string, { url, host, ca }: SiteAccess) {
    const trustDir = join(home, "trust");
    this.name = name;
    this.#registry = new RegistryClient({ domain: host, tls: { ca: [ca] } });
    this.#trustServer = new TrustServer({ url, access: "pull,push", tls: { ca: [ca] } });
    this.#keys = new KeyStore(trustDir);
    this.#collection = Collection.open({
      gun: gunOfImage(repository),
      trustDir,
      server: this.#trustServer,
      pins: PinPolicy.firstUse(),
      keys: this.#keys,
      passphrases: async () => `${name}'s passphrase`,
    });
  }

  /** Begins the repository's collection, with themselves as a signer whose word releases tags, as `docker trust signer add` does. */
  async beginCollection(): Promise<void> {
    await this.#collection.init({ serverManaged: ["snapshot"] });
    const key = generateKey("ecdsa");
    await this.#keys.add(key, { role: this.name }, async () => `${this.name}'s passphrase`);
    for (const role of [`targets/${this.name}`, releasesRole]) {
      await this.#collection.addDelegation(role, [key.publicKey], [""]);
    }
    await this.#collection.publish();
  }

  /** Pushes to any repository: the site's registry takes everything from everybody. */
  async push(image: DemoImage, name: ImageName): Promise<CopyResult> {
    return await copyImage(image, new RegistryDestination(this.#registry, name));
  }

  async sign({ descriptor: { digest, size } }: DemoImage, tag: string): Promise<SignedImage> {
    return await this.#collection.signImage({ tag, digest, size });
  }

  close(): void {
    this.#registry.close();
    this.#trustServer.close();
  }
}
