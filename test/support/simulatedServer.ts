import { createHash } from "node:crypto";
import type { RepoSimulator } from "./repoSimulator.ts";
import type { StaticTrustServer } from "./staticTrustServer.ts";

/** Serves a simulated collection under every name that a trust server has for its files. */
export function serveSimulated(server: StaticTrustServer, repository: RepoSimulator): void {
  const files: Record<string, Uint8Array> = {};
  for (const [version, bytes] of repository.roots) {
    files[`${version}.root.json`] = bytes;
  }
  for (const [role, bytes] of repository.files) {
    files[`${role}.json`] = bytes;
    files[`${role}.${createHash("sha256").update(bytes).digest("hex")}.json`] = bytes;
  }
  server.serve(repository.gun, files);
}
