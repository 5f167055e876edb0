import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import type { TestContext } from "node:test";

/**
 * The real programs that interop tests run against, and the Debian package each comes from.
 * A missing one skips the test and says so; with COUNTERSIGN_INTEROP=required it fails the test instead.
 */
export const debianPackages = {
  docker: "docker.io",
  "docker-registry": "docker-registry",
  dockerd: "docker.io",
  memcached: "memcached",
  notary: "notary",
  "notary-server": "notary",
  openssl: "openssl",
  script: "bsdutils",
  skopeo: "skopeo",
  "softhsm2-util": "softhsm2",
  "swift-account-server": "swift-account",
  "swift-container-server": "swift-container",
  "swift-object-server": "swift-object",
  "swift-proxy-server": "swift-proxy",
  "swift-ring-builder": "swift",
} as const;

export type Peer = keyof typeof debianPackages;

/** Where Debian puts programs; searched before PATH, so that the packaged version is the one compared with. */
const debianDirectories = ["/usr/bin", "/usr/sbin"];

/** The full path of a peer program, or undefined when this machine does not have it. */
export function findPeer(peer: Peer): string | undefined {
  const directories = [...debianDirectories, ...(process.env["PATH"] ?? "").split(":")];
  return directories
    .filter((directory) => directory !== "")
    .map((directory) => `${directory}/${peer}`)
    .find(isExecutable);
}

/** The full path of a peer that `requirePeer` has already found. */
export function peerPath(peer: Peer): string {
  const path = findPeer(peer);
  if (path === undefined) throw new Error(missing([peer]));
  return path;
}

/**
 * True when every named peer is there. Otherwise the test is skipped with the reason (and must return at once),
 * or fails when interop tests are mandatory.
 */
export function requirePeer(t: TestContext, ...peers: Peer[]): boolean {
  return requirement(
    t,
    peers
      .filter((peer) => findPeer(peer) === undefined)
      .map((peer) => `${peer} (Debian package ${debianPackages[peer]})`),
  );
}

/** What test/support/swift.ts starts. */
export const swiftPeers: readonly Peer[] = [
  "memcached",
  "swift-account-server",
  "swift-container-server",
  "swift-object-server",
  "swift-proxy-server",
  "swift-ring-builder",
];

/** PKCS#11 tokens in software, and the optional package that talks to tokens, which a machine without a compiler lacks. */
export function requireTokens(t: TestContext): boolean {
  return requirePeer(t, "softhsm2-util") && requirement(t, hasPkcs11js() ? [] : ["pkcs11js (compiled by npm ci)"]);
}

function hasPkcs11js(): boolean {
  try {
    createRequire(import.meta.url)("pkcs11js");
    return true;
  } catch {
    return false;
  }
}

const dockerPeers = ["dockerd", "docker", "docker-registry"] as const;

/** The Docker engine starts only as root; elsewhere such a test is skipped like one whose program is missing. */
export function requireDockerEngine(t: TestContext): boolean {
  if (!requirePeer(t, ...dockerPeers)) return false;
  return requirement(t, isRoot() ? [] : ["root (dockerd needs it)"]);
}

/** For what is started before the tests that then ask `requireDockerEngine`. */
export function canStartDockerEngine(): boolean {
  return isRoot() && dockerPeers.every((peer) => findPeer(peer) !== undefined);
}

/** Newer command lines of Docker have no `docker trust`; `found` are those here that do. */
export function requireDockerTrust(t: TestContext, found: readonly unknown[]): boolean {
  return requirement(t, found.length > 0 ? [] : ["a docker command line with docker trust (older than 29)"]);
}

/** skopeo 1.9 gives what it unpacks from an OCI archive to the owner whom the archive names, root, as only root may. */
export function requireSkopeoArchives(t: TestContext): boolean {
  return requirePeer(t, "skopeo") && requirement(t, isRoot() ? [] : ["root (skopeo needs it to unpack OCI archives)"]);
}

/** A mount that only the program under test sees: root may make one, and others where the system lets them have namespaces. */
export function requirePrivateMounts(t: TestContext): boolean {
  const args = ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "countersign", "/mnt"];
  return requirement(t, spawnSync("unshare", args).status === 0 ? [] : ["the right to make a mount namespace"]);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function requirement(t: TestContext, lacking: readonly string[]): boolean {
  if (lacking.length === 0) return true;
  if (process.env["COUNTERSIGN_INTEROP"] === "required") throw new Error(missing(lacking));
  t.skip(missing(lacking));
  return false;
}

function missing(lacking: readonly string[]): string {
  return `not on this machine: ${lacking.join(", ")}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not ours to run: either way this peer cannot be used.
  }
}
