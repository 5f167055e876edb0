import { generateKey } from "../../src/keys/generate.ts";
import type { PrivateKey } from "../../src/keys/privateKey.ts";
import { selfSignedCertificate } from "../../src/keys/rootCertificate.ts";
import { signerFor } from "../../src/keys/signer.ts";
import { decodeKeyAnswer } from "../../src/notary/keyAnswer.ts";
import { collectionPath, keyPath } from "../../src/notary/paths.ts";
import { encodeUpload } from "../../src/notary/upload.ts";
import { fileMetaOf, signMetadata, timeAfterDays } from "../../src/tuf/index.ts";
import type { FileMeta, PublicKey, Root, SignedFile, Targets } from "../../src/tuf/index.ts";
import type { Exchange } from "./load.ts";

/** Signs uploads ahead of time, so that a load is the server's work and not the publisher's. */
export class Publisher {
  readonly #gun: string;
  readonly #now: Date;
  readonly #targetsKey: PrivateKey;
  readonly #root: SignedFile<Root>;
  #version = 0;

  private constructor(gun: string, now: Date, targetsKey: PrivateKey, root: SignedFile<Root>) {
    this.#gun = gun;
    this.#now = now;
    this.#targetsKey = targetsKey;
    this.#root = root;
  }

  /**
   * A publisher whose root names the server's own timestamp and snapshot keys. To be opened one after another: the original
   * dies when two keys are made at once ("concurrent map writes").
   */
  static async open(url: string, gun: string, now: Date): Promise<Publisher> {
    const timestamp = await serverKey(url, gun, "timestamp");
    const snapshot = await serverKey(url, gun, "snapshot");
    const rootKey = generateKey("ecdsa");
    const targetsKey = generateKey("ecdsa");
    const certificate = await selfSignedCertificate(rootKey, gun, now);
    const byRole = { root: certificate, targets: targetsKey.publicKey, snapshot, timestamp };
    const root: Root = {
      type: "root",
      version: 1,
      expires: timeAfterDays(now, 3650),
      consistentSnapshot: false,
      keys: new Map(Object.values(byRole).map((key) => [key.id, key])),
      roles: new Map(Object.entries(byRole).map(([role, key]) => [role, { keyIds: [key.id], threshold: 1 }])),
    };
    return new Publisher(gun, now, targetsKey, await signMetadata(root, "root", [signerFor(rootKey, certificate)]));
  }

  /** The next upload: these targets, one version higher; the first one carries the root. */
  async upload(targets: ReadonlyMap<string, FileMeta>): Promise<Exchange> {
    this.#version += 1;
    const body: Targets = {
      type: "targets",
      version: this.#version,
      expires: timeAfterDays(this.#now, 1095),
      targets,
      delegations: { keys: new Map(), roles: [] },
    };
    const file = await signMetadata(body, "targets", [signerFor(this.#targetsKey)]);
    const files = this.#version === 1 ? [this.#root, file] : [file];
    const { contentType, chunks } = encodeUpload(files);
    return {
      method: "POST",
      path: collectionPath(this.#gun),
      headers: { "Content-Type": contentType },
      body: Buffer.concat(chunks),
    };
  }
}

/** `count` tags, each a manifest of its own. */
export function someTargets(count: number): Map<string, FileMeta> {
  return new Map(
    Array.from({ length: count }, (_, index) => [
      `tag-${index}`,
      fileMetaOf(new TextEncoder().encode(`manifest ${index}`)),
    ]),
  );
}

async function serverKey(url: string, gun: string, role: "timestamp" | "snapshot"): Promise<PublicKey> {
  // A connection of its own: signing uploads takes long enough for a kept-alive one to be closed meanwhile.
  const answer = await fetch(`${url}${keyPath(gun, role)}`, { headers: { Connection: "close" } });
  return decodeKeyAnswer(new Uint8Array(await answer.arrayBuffer()));
}
