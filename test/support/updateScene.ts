/** A simulated collection behind a trust server, and a client of ours with a home directory. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { TrustServer } from "../../src/notary/trustServer.ts";
import { MetadataCache } from "../../src/trust/cache.ts";
import { LastSeen } from "../../src/trust/lastSeen.ts";
import { PinPolicy, type Pin } from "../../src/trust/pins.ts";
import { updateCollection, type UpdaterOptions } from "../../src/trust/updater.ts";
import type { VerifiedCollection } from "../../src/trust/verifiedCollection.ts";
import { failsWith } from "./failsWith.ts";
import { now, RepoSimulator } from "./repoSimulator.ts";
import { serveSimulated } from "./simulatedServer.ts";
import { collectionBase, StaticTrustServer } from "./staticTrustServer.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";

export const unreachable = "http://127.0.0.1:1";

export class UpdateScene {
  readonly repository = new RepoSimulator();
  readonly server: StaticTrustServer;
  readonly home: string;
  readonly cache: MetadataCache;
  readonly lastSeen: LastSeen;
  readonly warnings: string[] = [];
  pin: Pin = { kind: "firstUse" };
  /** In place of our own policy, which has `pin` for everything. */
  policy: PinPolicy | undefined;
  clock = now;

  private constructor(t: Scope, server: StaticTrustServer) {
    this.server = server;
    this.home = temporaryDirectory(t);
    this.cache = new MetadataCache(this.home, this.repository.gun);
    this.lastSeen = new LastSeen(join(this.home, "state"));
  }

  static async open(t: Scope, prepare: (repository: RepoSimulator) => void = () => {}): Promise<UpdateScene> {
    const scene = new UpdateScene(t, await StaticTrustServer.start(t));
    prepare(scene.repository);
    scene.repository.signRoot();
    scene.serve(scene.repository.build());
    return scene;
  }

  serve(repository = this.repository): void {
    serveSimulated(this.server, repository);
  }

  /** One publish: everything a version higher, after `change`. */
  publish(change: (repository: RepoSimulator) => void = () => {}): void {
    this.repository.bump();
    change(this.repository);
    this.serve(this.repository.build());
  }

  /** @param from an address, or what stands in for a trust server */
  async update(from: string | UpdaterOptions["remote"] = this.server.url): Promise<VerifiedCollection> {
    const remote = typeof from === "string" ? new TrustServer({ url: from }) : from;
    try {
      return await updateCollection({
        gun: this.repository.gun,
        cache: this.cache,
        remote,
        pins: this.policy ?? PinPolicy.of({ rules: [{ gun: "*", pin: this.pin }], otherwise: "none" }),
        lastSeen: this.lastSeen,
        now: this.clock,
        warn: ({ message }) => this.warnings.push(message),
      });
    } finally {
      if (remote instanceof TrustServer) remote.close();
    }
  }

  /** The files asked for since the last call, hashes cut. */
  requests(): string[] {
    const base = collectionBase(this.repository.gun);
    const files = this.server.takeRequests().filter((line) => line.includes(base));
    return files.map((line) =>
      line
        .replace(`GET ${base}`, "")
        .replace(/\.json -> \d+$/, "")
        .replace(/\.[0-9a-f]{64}$/, ".H"),
    );
  }

  wipeCache(): void {
    rmSync(join(this.home, "tuf"), { recursive: true, force: true });
  }

  /** Everything on this client's disk. */
  disk(): Map<string, string> {
    const files = readdirSync(this.home, { recursive: true, encoding: "utf8" }).toSorted();
    const paths = files.map((file) => join(this.home, file)).filter((path) => statSync(path).isFile());
    return new Map(paths.map((path) => [path, readFileSync(path, "latin1")]));
  }

  /** Refused, with nothing on disk changed by it. */
  async refuses(code: string, message?: string | RegExp): Promise<void> {
    const before = this.disk();
    await assert.rejects(this.update(), failsWith(code, message));
    assert.deepEqual(this.disk(), before, "the refusal left traces on disk");
  }

  /** The name under which the server has the current file of a role by its hash. */
  nameByHash(role: string): string {
    const { hashes } = this.repository.metaOf(role) as { hashes: { sha256: string } };
    return `${role}.${Buffer.from(hashes.sha256, "base64").toString("hex")}.json`;
  }
}
