/**
 * A layer as large as they come, pushed and pulled through `countersign up` by our client and by skopeo, with the memory of both sides
 * measured by the system. `COUNTERSIGN_LAYER_MEBIBYTES=2048 node --test test/interop/largeLayer.test.ts` takes one of 2 GiB, for which
 * there have to be 8 GiB in the temporary directory.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { peakMemory } from "../../bench/support/processCpu.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { startCountersign } from "../support/countersign.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { findPeer, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const mebibyte = 1024 * 1024;
const layerSize = Number(process.env["COUNTERSIGN_LAYER_MEBIBYTES"] ?? 256) * mebibyte;
/** What the server promises, whatever is pushed and pulled. */
const serverBound = 160 * mebibyte;
/** Most of it is Node's own, and grows with the memory of the machine; a layer of 2 GiB takes no more than one of 256 MiB. */
const clientBound = 256 * mebibyte;

const entryPoint = join(import.meta.dirname, "../../bin/countersign.mjs");

interface Layout {
  readonly directory: string;
  readonly root: string;
  readonly layer: string;
}

/** A layout with an image of one layer that no compression makes smaller, written piece by piece. */
function writeLayout(directory: string): Layout {
  const blobs = join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (bytes: Buffer): { digest: string; size: number } => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
    return { digest, size: bytes.byteLength };
  };
  const piece = randomBytes(mebibyte);
  const hash = createHash("sha256");
  const aside = join(directory, "layer");
  const file = openSync(aside, "wx");
  for (let written = 0; written < layerSize; written += piece.byteLength) {
    piece.writeDoubleLE(written);
    hash.update(piece);
    writeSync(file, piece);
  }
  closeSync(file);
  const hex = hash.digest("hex");
  renameSync(aside, join(blobs, hex));
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [`sha256:${hex}`] } };
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestTypes.ociImage,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...put(Buffer.from(JSON.stringify(config))) },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${hex}`, size: layerSize }],
  };
  const root = { mediaType: manifestTypes.ociImage, ...put(Buffer.from(JSON.stringify(manifest))) };
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [root] }));
  return { directory, root: root.digest, layer: `sha256:${hex}` };
}

/** Runs a program that must succeed; answers the most memory it had, in bytes. */
async function peakOf(command: string, args: readonly string[], user: ImageUser): Promise<number> {
  const env = { PATH: process.env["PATH"] ?? "", ...user.env };
  const child = spawn(command, args, { cwd: user.home, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  let peak = 0;
  const watch = setInterval(() => {
    try {
      peak = Math.max(peak, peakMemory(child.pid ?? 0) || 0);
    } catch {
      // It has just ended.
    }
  }, 20);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(watch);
  assert.equal(code, 0, output);
  assert.ok(peak > 0);
  return peak;
}

test(
  `a layer of ${layerSize / mebibyte} MiB is pushed and pulled with flat memory`,
  { timeout: 600_000 },
  async (t) => {
    const shown = (what: string, peak: number): void =>
      t.diagnostic(`${what}: ${Math.round(peak / mebibyte)} MiB at most`);
    const site = await startCountersign(t);
    const serverPeak = (): number => peakMemory(site.process.pid ?? 0);
    const user = new ImageUser(t);
    const certificates = join(user.home, ".docker/tls", site.host);
    mkdirSync(certificates, { recursive: true });
    copyFileSync(site.caFile, join(certificates, "ca.crt"));
    const layout = writeLayout(join(user.home, "layout"));
    const name = `${site.host}/team/large:1.0`;
    const ours = async (what: string, ...args: readonly string[]): Promise<void> => {
      const peak = await peakOf(process.execPath, [entryPoint, what, ...args], user);
      shown(`our ${what}`, peak);
      assert.ok(peak <= clientBound, `our ${what} had ${peak} bytes of memory`);
      shown("the server", serverPeak());
      assert.ok(serverPeak() <= serverBound, `the server had ${serverPeak()} bytes of memory`);
    };

    await ours("push", layout.directory, name);
    rmSync(layout.directory, { recursive: true });
    succeeded(await user.run("sign", name));
    await ours("pull", name, "pulled");
    const blob = (directory: string): string => join(user.home, directory, layout.layer.replace(":", "/"));
    assert.equal(statSync(blob("pulled/blobs")).size, layerSize);
    await ours("pull", name, "pulled.tar"); // Where each blob has its place, written as it comes.
    rmSync(join(user.home, "pulled.tar"));

    if (findPeer("skopeo") === undefined && !requirePeer(t, "skopeo")) return;
    const skopeo = async (source: string, destination: string): Promise<void> => {
      const flags = ["--insecure-policy", "--tmpdir", user.home, "copy", "--preserve-digests"];
      const directories = ["--src-cert-dir", certificates, "--dest-cert-dir", certificates];
      const stranger = new ImageUser(t); // Who knows of no blob that could be mounted.
      await peakOf("skopeo", [...flags, ...directories, source, destination], stranger);
      shown("the server, with skopeo", serverPeak());
      assert.ok(serverPeak() <= serverBound, `the server had ${serverPeak()} bytes of memory`);
    };
    await skopeo(`oci:${join(user.home, "pulled")}`, `docker://${site.host}/team/by-skopeo:1.0`);
    rmSync(join(user.home, "pulled"), { recursive: true });
    const target = temporaryDirectory(t);
    await skopeo(`docker://${site.host}/team/by-skopeo:1.0`, `dir:${target}`);
    assert.equal(statSync(join(target, layout.layer.slice("sha256:".length))).size, layerSize);
  },
);
