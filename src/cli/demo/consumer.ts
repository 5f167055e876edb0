import { rm } from "node:fs/promises";
import { join } from "node:path";
import { TrustServer } from "../../notary/trustServer.ts";
import { copyImage, type CopyResult } from "../../oci/copyImage.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { LayoutDestination } from "../../oci/layoutDestination.ts";
import { RegistryClient } from "../../oci/registryClient.ts";
import { RegistrySource } from "../../oci/registryImage.ts";
import { Collection } from "../../trust/collection.ts";
import { decideImage, type Decision } from "../../trust/decision.ts";
import { gunOfImage } from "../../trust/gun.ts";
import { inspectCollection, type Inspection } from "../../trust/inspect.ts";
import { LastSeen } from "../../trust/lastSeen.ts";
import { PinPolicy } from "../../trust/pins.ts";
import type { VerifiedCollection } from "../../trust/verifiedCollection.ts";

export interface ConsumerOptions {
  /** A directory of their own. */
  readonly home: string;
  /** Whatever answers in place of the site: plain HTTP, so that nothing but trust data protects them. */
  readonly line: string;
  /** The root keys they were told by the publisher. */
  readonly rootKeyIds: readonly string[];
}

/** Somebody who verifies and pulls images, knowing of the publisher nothing but the ID of the root key. */
export class Consumer {
  readonly #trustDir: string;
  readonly #lastSeen: LastSeen;
  readonly #line: string;
  readonly #pins: PinPolicy;
  readonly #registry: RegistryClient;
  readonly #trustServer: TrustServer;

  constructor({ home, line, rootKeyIds }: ConsumerOptions) {
    this.#trustDir = join(home, "trust");
    this.#lastSeen = new LastSeen(join(home, "state"));
    this.#line = line;
    this.#pins = PinPolicy.of({ rules: [{ gun: "*", pin: { kind: "keys", ids: rootKeyIds } }], otherwise: "none" });
    this.#registry = new RegistryClient({ domain: line, insecure: true });
    this.#trustServer = new TrustServer({ url: `http://${line}` });
  }

  /** @param now the time by their clock */
  async verify(image: ImageName, now = new Date()): Promise<Decision> {
    return decideImage(await this.#update(image, now), image);
  }

  async inspect(image: ImageName): Promise<Inspection> {
    return inspectCollection(await this.#update(image, new Date()), { name: gunOfImage(image) });
  }

  /** What the registry says the tag means now. */
  async resolve({ path, tag = "latest" }: ImageName): Promise<string> {
    return (await this.#registry.resolve(path, tag)).digest;
  }

  /** Fetches what was decided on, by digest, into an OCI layout. */
  async pull({ path }: ImageName, { digest }: Decision, directory: string): Promise<CopyResult> {
    const destination = await LayoutDestination.open(directory);
    try {
      return await copyImage(new RegistrySource(this.#registry, { domain: this.#line, path, digest }), destination);
    } finally {
      await destination.close();
    }
  }

  /** As if the cache had been lost; what was seen stays remembered. */
  async loseCache(): Promise<void> {
    await rm(this.#trustDir, { recursive: true, force: true });
  }

  close(): void {
    this.#registry.close();
    this.#trustServer.close();
  }

  async #update(image: ImageName, now: Date): Promise<VerifiedCollection> {
    const collection = Collection.open({
      gun: gunOfImage(image),
      trustDir: this.#trustDir,
      server: this.#trustServer,
      pins: this.#pins,
      lastSeen: this.#lastSeen,
      now: () => now,
    });
    return await collection.update();
  }
}
