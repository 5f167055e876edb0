/** `countersign push`, `pull` and `copy` as processes: what arrives where, what is shown, and what is refused. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { LayoutSource, openArchive } from "../../src/oci/index.ts";
import { startService } from "../support/childProgram.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { multiPlatformSample, sampleImage, sampleReferrer } from "../support/sampleImage.ts";
import type { SampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";
import { startTamperingProxy } from "../support/tamperingProxy.ts";
import type { ProxiedAnswer, Tampering } from "../support/tamperingProxy.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";

const accept = ["--first-use", "accept"];

async function digestOfLayout(directory: string, ref?: string): Promise<string> {
  return (await (await LayoutSource.open(directory, ref)).resolve()).descriptor.digest;
}

async function digestOfArchive(file: string): Promise<string> {
  const archive = await openArchive(file);
  try {
    return (await archive.resolve()).descriptor.digest;
  } finally {
    await archive.close();
  }
}

describe("push, pull and copy", () => {
  const site = suiteSite();

  test("an index goes from a layout to a registry and, signed, into a layout and a tar, byte for byte", async (t) => {
    const owner = new ImageUser(t);
    const sample = multiPlatformSample();
    const name = `${site.host}/move/index:1.0`;
    const pushed = succeeded(await owner.run("push", await owner.layout(sample), name));
    assert.equal(pushed.stdout, `pushed ${name}\n  digest   ${sample.root.digest}\n  moved    9 of 9 blobs, 2.76kB\n`);
    assert.match(pushed.stderr, /^[0-9a-f]{12}: Pushing \d+B$/m);
    assert.match(pushed.stderr, /^[0-9a-f]{12}: Pushed$/m);
    assert.match(pushed.stderr, new RegExp(`countersign sign ${name}@${sample.root.digest}\n$`));
    await owner.json("sign", name);

    const consumer = new ImageUser(t);
    const pulled = succeeded(await consumer.run("pull", ...accept, name, "app"));
    assert.match(pulled.stdout, new RegExp(`^pulled ${name}\n  digest   ${sample.root.digest}\n`));
    assert.match(pulled.stdout, /\n {2}signers {2}the repository's own key \(targets\)\n {2}into {5}app\n/);
    assert.equal(await digestOfLayout(join(consumer.home, "app"), "1.0"), sample.root.digest);
    succeeded(await consumer.run("pull", "--quiet", name, "app.tar"));
    assert.equal(await digestOfArchive(join(consumer.home, "app.tar")), sample.root.digest);
    for (const [digest, bytes] of sample.blobs) {
      assert.deepEqual(readFileSync(join(consumer.home, "app/blobs/sha256", digest.slice("sha256:".length))), bytes);
    }
  });

  test("one platform of many is taken from what was signed as a whole", async (t) => {
    const owner = new ImageUser(t);
    const sample = multiPlatformSample();
    const name = `${site.host}/move/part:1.0`;
    await owner.push(sample, name);
    await owner.json("sign", name);
    const result = (await owner.json("pull", "--platform", "linux/arm64", name, "oci:arm:one")) as {
      decision: { digest: string };
      root: { digest: string };
    };
    assert.equal(result.decision.digest, sample.root.digest);
    assert.notEqual(result.root.digest, sample.root.digest);
    assert.equal(await digestOfLayout(join(owner.home, "arm"), "one"), result.root.digest);
    const absent = await owner.run("pull", "--platform", "windows/amd64", name, "windows");
    assert.equal(absent.code, 1);
    assert.match(
      absent.stderr,
      /not there for windows\/amd64, only for linux\/amd64, linux\/arm64 \(OCI_NO_PLATFORM\)/,
    );
  });

  test("a digest is pulled if a released tag is signed with it, and no other", async (t) => {
    const owner = new ImageUser(t);
    const [signed, unsigned] = [sampleImage({ layers: ["signed"] }), sampleImage({ layers: ["unsigned"] })];
    const repository = `${site.host}/move/digest`;
    await owner.push(unsigned, `${repository}:2.0`);
    await owner.push(signed, `${repository}:1.0`);
    await owner.json("sign", `${repository}:1.0`);
    succeeded(await owner.run("pull", `${repository}@${signed.root.digest}`, "by-digest"));
    assert.equal(await digestOfLayout(join(owner.home, "by-digest"), "1.0"), signed.root.digest);
    const refused = await owner.run("pull", `${repository}@${unsigned.root.digest}`, "refused");
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /refused: No valid trust data for sha256:.*\(TUF_NO_SUCH_TARGET\)\n {2}hint: ./);
    assert.equal(existsSync(join(owner.home, "refused")), false);
  });

  test("a tag moved behind the publisher's back changes nothing for who pulls", async (t) => {
    const owner = new ImageUser(t);
    const [signed, moved] = [sampleImage({ layers: ["signed"] }), sampleImage({ layers: ["moved"] })];
    const name = `${site.host}/move/tag:1.0`;
    await owner.push(signed, name);
    await owner.json("sign", name);
    await owner.push(moved, name);
    succeeded(await new ImageUser(t).run("pull", ...accept, name, join(owner.home, "out")));
    assert.equal(await digestOfLayout(join(owner.home, "out")), signed.root.digest);
  });

  test("what nobody signed, what is not pinned, and what cannot be asked is not pulled", async (t) => {
    const owner = new ImageUser(t);
    const repository = `${site.host}/move/refusals`;
    await owner.push(sampleImage(), `${repository}:1.0`);
    const unknown = await owner.run("pull", ...accept, `${repository}:1.0`, "out");
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /does not have trust data for .* \(TRUST_NO_DATA\)/);

    await owner.json("sign", `${repository}:1.0`);
    await owner.push(sampleImage({ layers: ["other"] }), `${repository}:2.0`);
    const unsigned = await owner.run("pull", `${repository}:2.0`, "out");
    assert.equal(unsigned.code, 3);
    assert.match(unsigned.stderr, /No valid trust data for 2\.0 \(TUF_NO_SUCH_TARGET\)/);

    const unpinned = await new ImageUser(t).run("pull", `${repository}:1.0`, join(owner.home, "out"));
    assert.equal(unpinned.code, 3);
    assert.match(unpinned.stderr, /\(CLI_UNPINNED\)/);

    const proxy = await startTamperingProxy(t, site.host);
    await proxy.stop();
    const unreachable = await owner.run("pull", ...accept, `${proxy.host}/move/refusals:1.0`, "out");
    assert.equal(unreachable.code, 4);
    assert.match(unreachable.stderr, /could not decide: .*connection refused/);
    assert.equal(existsSync(join(owner.home, "out")), false);
  });

  test("copied with what refers to it, an image is verifiable where it came from, and as a part", async (t) => {
    const owner = new ImageUser(t);
    const sample = multiPlatformSample();
    const source = `${site.host}/move/original:1.0`;
    const referrer = sampleReferrer(sample.root, "application/vnd.example.sbom");
    const layout = await owner.layout(sample, [referrer]);
    succeeded(await owner.run("push", layout, source));
    const repository = `${site.url}/v2/move/original`;
    const manifest = referrer.blobs.get(referrer.root.digest) ?? assert.fail();
    for (const [digest, bytes] of referrer.blobs) {
      if (digest === referrer.root.digest) continue;
      const upload = `${repository}/blobs/uploads/?digest=${digest}`;
      assert.equal((await fetch(upload, { method: "POST", body: new Uint8Array(bytes) })).status, 201);
    }
    const put = await fetch(`${repository}/manifests/${referrer.root.digest}`, {
      method: "PUT",
      body: new Uint8Array(manifest),
      headers: { "content-type": referrer.root.mediaType },
    });
    assert.equal(put.status, 201);

    const copied = (await owner.json("copy", source, `${site.host}/mirror/original`)) as { root: { digest: string } };
    assert.equal(copied.root.digest, sample.root.digest);
    const referrers = await fetch(`${site.url}/v2/mirror/original/referrers/${sample.root.digest}`);
    const { manifests } = (await referrers.json()) as { manifests: { digest: string }[] };
    assert.deepEqual(
      manifests.map(({ digest }) => digest),
      [referrer.root.digest],
    );
    const part = await owner.run("copy", "--platform", "linux/arm64", source, `${site.host}/mirror/original:arm`);
    const [, digest] = /digest {3}(\S+)/.exec(succeeded(part).stdout) ?? [];
    assert.notEqual(digest, sample.root.digest);
  });

  test("on a terminal each layer has a line with a bar; with --json stdout is one document", async (t) => {
    if (!requireTerminal(t)) return;
    const owner = new ImageUser(t);
    const layout = await owner.layout(multiPlatformSample());
    const main = join(import.meta.dirname, "../../src/cli/main.ts");
    const shown = await runOnTerminal(
      `stty columns 100; ${process.execPath} ${main} push ${layout} ${site.host}/move/terminal:1.0`,
      [],
      { cwd: owner.home, env: owner.env },
    );
    assert.equal(shown.code, 0, shown.screen);
    assert.match(shown.screen, /[0-9a-f]{12}: Pushing \[=*>? *\] \d+B\/\d+B\n/);
    assert.match(shown.screen, /[0-9a-f]{12}: Pushed\n/);
    const again = await owner.run("push", "--json", layout, `${site.host}/move/terminal:2.0`);
    assert.equal((JSON.parse(again.stdout) as { present: number }).present, 9);
    assert.match(again.stderr, /: Layer already exists\n/);
    assert.equal((await owner.run("push", "-q", "--json", layout, `${site.host}/move/terminal:3.0`)).stderr, "");
  });

  describe("a registry whose answers are not what was signed", () => {
    const sample = multiPlatformSample();
    const other = sampleImage({ layers: ["other"] });
    const layerOf = (line: string): Buffer | undefined => {
      const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(line)?.[1];
      return digest === undefined ? undefined : sample.blobs.get(digest);
    };
    const onBlobs =
      (change: (bytes: Buffer, answer: ProxiedAnswer) => Partial<ProxiedAnswer>): Tampering =>
      (line, answer) => {
        const bytes = line.startsWith("GET") && answer.status < 300 ? layerOf(line) : undefined;
        return bytes === undefined ? answer : { ...answer, ...change(bytes, answer) };
      };
    const flipped = (bytes: Buffer): Buffer => {
      const copy = Buffer.from(bytes);
      copy[copy.length - 1]! ^= 1;
      return copy;
    };
    const onRoot =
      (change: (answer: ProxiedAnswer) => ProxiedAnswer): Tampering =>
      (line, answer) =>
        line.includes(`/manifests/${sample.root.digest}`) ? change(answer) : answer;

    const cases: readonly (readonly [what: string, tampering: Tampering, code: string, exit: number])[] = [
      ["one bit of a blob flipped", onBlobs((bytes) => ({ body: flipped(bytes) })), "OCI_DIGEST", 3],
      ["bytes after the end of a blob", onBlobs((bytes) => ({ body: Buffer.concat([bytes, bytes]) })), "OCI_SIZE", 3],
      ["another manifest under the digest", onRoot((answer) => ({ ...answer, body: rootOf(other) })), "OCI_DIGEST", 3],
      [
        "another manifest, and its digest in the header",
        onRoot((answer) => ({
          ...answer,
          headers: { ...answer.headers, "docker-content-digest": other.root.digest },
          body: rootOf(other),
        })),
        "OCI_DIGEST",
        3,
      ],
      ["a manifest without its end", onRoot((answer) => ({ ...answer, body: answer.body.subarray(0, -1) })), "OCI_", 3],
      ["nothing under the digest", onRoot((answer) => ({ ...answer, status: 404 })), "OCI_NOT_FOUND", 1],
    ];
    for (const [what, tampering, code, exit] of cases) {
      test(`${what}: exit ${exit}, and nothing that could be taken for the image is left`, async (t) => {
        const proxy = await startTamperingProxy(t, site.host);
        const owner = new ImageUser(t);
        const name = `${proxy.host}/move/tampered:1.0`;
        await owner.push(sample, name);
        await owner.json("sign", name);
        proxy.tamper(tampering);
        for (const place of ["layout", "image.tar"]) {
          const result = await owner.run("pull", "--json", name, place);
          assert.equal(result.code, exit, result.stdout + result.stderr);
          const { pulled, error } = JSON.parse(result.stdout) as { pulled: boolean; error: { code: string } };
          assert.equal(pulled, false);
          assert.match(error.code, new RegExp(`^${code}`));
          assert.equal(existsSync(join(owner.home, place, "index.json")), false);
          assert.equal(existsSync(join(owner.home, "image.tar")), false);
        }
        assert.deepEqual(
          readdirSync(owner.home).filter((file) => file.endsWith(".tar") || file.startsWith(".image")),
          [],
        );
      });
    }
  });

  test("a signed length that is not that of the content is no signature of it", async (t) => {
    const owner = new ImageUser(t, {
      NOTARY_ROOT_PASSPHRASE: "root-passphrase",
      NOTARY_TARGETS_PASSPHRASE: "repository-passphrase",
      NOTARY_SNAPSHOT_PASSPHRASE: "repository-passphrase",
    });
    const sample = sampleImage();
    const repository = `${site.host}/move/length`;
    await owner.push(sample, `${repository}:1.0`);
    const [hex, size] = [sample.root.digest.slice("sha256:".length), sample.root.size];
    const notary = ["notary", "-s", site.url, "-d", join(owner.home, ".docker/trust")];
    succeeded(await owner.run(...notary, "init", repository, "--publish"));
    succeeded(await owner.run(...notary, "addhash", repository, "1.0", String(size + 1), "--sha256", hex, "--publish"));
    const result = await owner.run("pull", `${repository}:1.0`, "out");
    assert.equal(result.code, 3);
    assert.match(result.stderr, new RegExp(`has ${size} bytes, but ${size + 1} were signed \\(OCI_SIZE\\)`));
  });

  test("a source that is not what its digests say is not pushed", async (t) => {
    const owner = new ImageUser(t);
    const sample = sampleImage({ layers: ["honest content"] });
    const layout = await owner.layout(sample);
    const [layer] = sample.layers;
    const file = join(layout, "blobs/sha256", (layer?.digest ?? "").slice("sha256:".length));
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const result = await owner.run("push", layout, `${site.host}/move/corrupt:1.0`);
    assert.equal(result.code, 3, result.stdout);
    assert.match(result.stderr, /\(OCI_DIGEST\)/);
    assert.equal((await fetch(`${site.url}/v2/move/corrupt/manifests/1.0`)).status, 404);
  });

  test("usage mistakes end with 2, and an engine that is not there with 4", async (t) => {
    const owner = new ImageUser(t, { DOCKER_HOST: `unix://${join(temporaryDirectory(t), "none.sock")}` });
    const image = `${site.host}/move/usage:1.0`;
    const layout = await owner.layout(sampleImage());
    const cases: readonly (readonly [args: readonly string[], message: RegExp, exit: number])[] = [
      [["push"], /push takes a source and the name of an image/, 2],
      [["push", "a", "b", "c"], /push takes a source/, 2],
      [
        ["push", basename(layout)],
        /is the name of an image, and of a directory here.*\n.*countersign push layout-0 IMAGE/,
        2,
      ],
      [
        ["push", "nothing-here", image],
        /there is no file or directory nothing-here .*\n.*docker-daemon:nothing-here/,
        2,
      ],
      [["push", layout, "registry.example/UPPER:1"], /must be lowercase/, 2],
      [["push", "--platform", "this one", layout, image], /"this one" is not a platform/, 2],
      [["push", `${layout}:another`, image], /another/, 2],
      [["pull"], /pull takes the name of an image/, 2],
      [["pull", "--first-use", "yes", image, "out"], /--first-use takes only the word accept/, 2],
      [["copy", image], /copy takes two names/, 2],
      [["push", image], /could not decide: no Docker engine answers at .*\(OCI_ENGINE\)/, 4],
      [["push", `docker-daemon:${image}`, image], /no Docker engine answers/, 4],
    ];
    for (const [args, message, exit] of cases) {
      const result = await owner.run(...args);
      assert.match(result.stderr, message);
      assert.match(result.stderr, /\n {2}hint: ./);
      assert.equal(result.stdout, "");
      assert.equal(result.code, exit, args.join(" "));
    }
  });

  test("an interrupt ends a transfer as the signal does, and leaves nothing unfinished", async (t) => {
    const proxy = await startTamperingProxy(t, site.host);
    const owner = new ImageUser(t);
    const sample = sampleImage();
    const name = `${proxy.host}/move/interrupted:1.0`;
    await owner.push(sample, name);
    await owner.json("sign", name);
    const layer = `GET /v2/move/interrupted/blobs/${sample.layers[0]?.digest}`;
    proxy.tamper((line, answer) => (line === layer ? new Promise(() => {}) : answer));
    const main = join(import.meta.dirname, "../../src/cli/main.ts");
    const pull = await startService(t, process.execPath, [main, "pull", name, "out"], {
      cwd: owner.home,
      env: owner.env,
      ready: () => proxy.lines.includes(layer),
    });
    await pull.stop("SIGINT");
    assert.equal(pull.process.signalCode, "SIGINT", pull.output());
    const out = join(owner.home, "out");
    assert.deepEqual(existsSync(out) ? readdirSync(out).filter((entry) => entry !== "blobs") : [], []);
  });
});

function rootOf(image: SampleImage): Buffer {
  return image.blobs.get(image.root.digest) ?? Buffer.alloc(0);
}
