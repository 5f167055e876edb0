/** What a publisher and a server do around a CollectionEditor, in memory: hold keys, take uploads, serve the collection. */
import { generateKeyPairSync } from "node:crypto";
import type { EditedFile } from "../../src/tuf/collectionSigning.ts";
import { CollectionEditor } from "../../src/tuf/edit.ts";
import { makeSnapshot, makeTimestamp } from "../../src/tuf/generated.ts";
import { fileMetaOf, type FileMeta } from "../../src/tuf/hash.ts";
import { canonicalKeyId, keyFromJson, type PublicKey } from "../../src/tuf/key.ts";
import type { Root, SignedFile, Snapshot, Timestamp } from "../../src/tuf/metadata.ts";
import type { SignerSource } from "../../src/tuf/roleSigning.ts";
import type { Signature, Signer } from "../../src/tuf/signature.ts";
import { signMetadata } from "../../src/tuf/sign.ts";
import { TrustState } from "../../src/tuf/trustState.ts";
import { certificateKey, ecdsaKey, type TestKey } from "./rawMetadata.ts";

export const gun = "edit.test/app";
export const now = new Date("2026-06-01T00:00:00Z");

/** The meta of a target with this content. */
export function content(text: string): FileMeta {
  return fileMetaOf(Buffer.from(text));
}

/** Private keys, found as key stores find them: by canonical ID. */
export class KeyRing {
  readonly #signers = new Map<string, TestKey>();

  /** A new key, held. */
  make(): PublicKey {
    return this.hold(ecdsaKey());
  }

  /** A new root key in a certificate for the collection, held. */
  makeRoot(): PublicKey {
    const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const notBefore = new Date("2026-01-01T00:00:00Z");
    return this.hold(certificateKey(gun, { key, notBefore, notAfter: new Date("2036-01-01T00:00:00Z") }));
  }

  hold(key: TestKey): PublicKey {
    const named = publicKeyOf(key);
    this.#signers.set(canonicalKeyId(named), key);
    return named;
  }

  drop(key: PublicKey): void {
    this.#signers.delete(canonicalKeyId(key));
  }

  readonly source: SignerSource = async (key) => {
    const held = this.#signers.get(canonicalKeyId(key));
    return held && signerOf(held, key);
  };

  async signers(...keys: PublicKey[]): Promise<Signer[]> {
    const signers = await Promise.all(keys.map((key) => this.source(key)));
    return signers.filter((signer) => signer !== undefined);
  }
}

/** A collection on a server that makes the timestamp, and the snapshot when none is uploaded. */
export class MemoryServer {
  readonly ring = new KeyRing();
  readonly timestampKey = this.ring.make();
  readonly snapshotKey = this.ring.make();
  readonly files = new Map<string, Uint8Array>();
  readonly #roots: Uint8Array[] = [];
  #snapshot: SignedFile<Snapshot> | undefined;
  #timestamp: SignedFile<Timestamp> | undefined;

  async take(upload: ReadonlyMap<string, EditedFile>): Promise<void> {
    for (const [role, file] of upload) {
      this.files.set(role, file.bytes);
    }
    const root = upload.get("root");
    if (root !== undefined) {
      this.#roots.push(root.bytes);
    }
    this.#snapshot = uploadedSnapshot(upload) ?? (await this.#makeSnapshot(upload));
    const body = makeTimestamp({ previous: this.#timestamp?.body, snapshot: fileMetaOf(this.#snapshot.bytes), now });
    this.#timestamp = await signMetadata(body, "timestamp", await this.ring.signers(this.timestampKey));
    this.files.set("snapshot", this.#snapshot.bytes);
    this.files.set("timestamp", this.#timestamp.bytes);
  }

  /** Loads everything, root by root from the first. */
  load(at = now): TrustState {
    const state = new TrustState({ gun, now: at });
    const [first, ...next] = this.#roots;
    state.loadTrustedRoot(first!);
    next.forEach((root) => state.updateRoot(root));
    state.updateTimestamp(this.files.get("timestamp")!);
    state.updateSnapshot(this.files.get("snapshot")!);
    for (let wanted = state.nextRole(); wanted !== undefined; wanted = state.nextRole()) {
      state.updateTargets(wanted.role, this.files.get(wanted.role)!);
    }
    return state;
  }

  /** The collection as an editor finds it. */
  open(at = now): CollectionEditor {
    const { root, targets, snapshot, skipped } = this.load(at);
    return CollectionEditor.open({ root: root!, targets, snapshot, skipped });
  }

  async #makeSnapshot(upload: ReadonlyMap<string, EditedFile>): Promise<SignedFile<Snapshot>> {
    const files = new Map([...upload].map(([role, { bytes }]) => [role, fileMetaOf(bytes)]));
    const body = makeSnapshot({ previous: this.#snapshot?.body, files, now });
    return signMetadata(body, "snapshot", await this.ring.signers(this.snapshotKey));
  }
}

export interface Published {
  readonly server: MemoryServer;
  readonly publisher: KeyRing;
  readonly keys: Readonly<Record<"root" | "targets" | "snapshot" | "timestamp", PublicKey>>;
}

/** A collection published once; its snapshot key is the publisher's or the server's. */
export async function published(snapshot: "client" | "server" = "server"): Promise<Published> {
  const server = new MemoryServer();
  const publisher = new KeyRing();
  const keys = {
    root: publisher.makeRoot(),
    targets: publisher.make(),
    snapshot: snapshot === "client" ? publisher.make() : server.snapshotKey,
    timestamp: server.timestampKey,
  };
  const editor = CollectionEditor.create({
    root: [keys.root],
    targets: [keys.targets],
    snapshot: [keys.snapshot],
    timestamp: [keys.timestamp],
  });
  await server.take(await editor.sign({ signers: publisher.source, now }));
  return { server, publisher, keys };
}

export function publicKeyOf(key: TestKey): PublicKey {
  return keyFromJson(JSON.parse(JSON.stringify(key.json)));
}

function uploadedSnapshot(upload: ReadonlyMap<string, EditedFile>): SignedFile<Snapshot> | undefined {
  const file = upload.get("snapshot");
  return file?.body.type === "snapshot" ? { ...file, body: file.body } : undefined;
}

function signerOf(held: TestKey, key: PublicKey): Signer {
  return {
    key,
    async sign(message): Promise<Signature> {
      const { method, sig } = held.sign!(message);
      return { keyId: key.id, method, bytes: sig };
    },
  };
}

export function rootOf(files: ReadonlyMap<string, EditedFile>): SignedFile<Root> {
  const file = files.get("root");
  if (file?.body.type !== "root") throw new Error("no root was signed");
  return { ...file, body: file.body };
}

/** Role and version of each file, in upload order. */
export function versions(files: ReadonlyMap<string, EditedFile>): [string, number][] {
  return [...files].map(([role, { version }]) => [role, version]);
}
