import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { gzipSync } from "node:zlib";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { runOk } from "../../test/support/childProgram.ts";
import { peerPath } from "../../test/support/peers.ts";
import { temporaryDirectory, type Scope } from "../../test/support/temporaryDirectory.ts";
import type { Target } from "./load.ts";
import type { Comparison } from "./report.ts";

const layerCount = 20;
const layerSize = 10 * 1024 ** 2;
const repository = "bench/skopeo";

type Way = "push" | "pull";
type Side = "ours" | "theirs";

/**
 * Has `skopeo` push an image of 20 layers of 10 MiB to both servers in turn, then pull it from both, and compares whole elapsed
 * times. The image is a new one in each round, and the server that comes first changes; the first round warms up.
 */
export async function compareSkopeo(
  scope: Scope,
  targets: Readonly<Record<Side, Target>>,
  rounds: number,
): Promise<readonly Comparison[]> {
  const directory = temporaryDirectory(scope);
  const copy = join(directory, "pulled");
  const times: Record<Way, Record<Side, number[]>> = {
    push: { ours: [], theirs: [] },
    pull: { ours: [], theirs: [] },
  };
  for (let round = -1; round < rounds; round++) {
    const layout = writeLayout(join(directory, "layout"));
    const sides: readonly Side[] = round % 2 === 0 ? ["ours", "theirs"] : ["theirs", "ours"];
    for (const way of ["push", "pull"] as const) {
      for (const side of sides) {
        const image = `docker://${new URL(targets[side].url).host}/${repository}:${round + 1}`;
        const elapsed = await (way === "push"
          ? copyImage(directory, `oci:${layout}`, image)
          : copyImage(directory, image, `dir:${copy}`));
        rmSync(copy, { recursive: true, force: true });
        if (round >= 0) times[way][side].push(elapsed);
      }
    }
    rmSync(layout, { recursive: true });
  }
  const both = (side: Side): number[] => times.push[side].map((time, run) => time + (times.pull[side][run] ?? 0));
  const rows = [
    ["push", times.push],
    ["pull", times.pull],
    ["push and pull", { ours: both("ours"), theirs: both("theirs") }],
  ] as const;
  return rows.map(([name, sides]) => ({ name: `skopeo ${name}, 20 × 10 MiB`, unit: "whole time, ms", ...sides }));
}

/** Milliseconds that copying takes. What skopeo remembers of blobs is put aside, so that every run begins alike. */
async function copyImage(home: string, from: string, to: string): Promise<number> {
  rmSync(join(home, ".local"), { recursive: true, force: true });
  const insecure = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--quiet"];
  const begun = performance.now();
  await runOk(peerPath("skopeo"), [...insecure, from, to], { env: { HOME: home }, timeout: 120_000 });
  return performance.now() - begun;
}

/** An OCI image layout with one image of layers that nobody has seen. Random bytes are stored, not compressed. */
function writeLayout(directory: string): string {
  const blobs = join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const add = (mediaType: string, bytes: Uint8Array): object => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength };
  };
  const addJson = (mediaType: string, value: object): object => add(mediaType, Buffer.from(JSON.stringify(value)));
  const layers = Array.from({ length: layerCount }, () => {
    const content = randomBytes(layerSize);
    const diffId = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const layer = add("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(content, { level: 0 }));
    return { layer, diffId };
  });
  const config = addJson("application/vnd.oci.image.config.v1+json", {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = addJson(manifestTypes.ociImage, {
    ...{ schemaVersion: 2, mediaType: manifestTypes.ociImage, config },
    layers: layers.map(({ layer }) => layer),
  });
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return directory;
}
