import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readDockerTls } from "./dockerTls.ts";
import { OciError } from "./errors.ts";

async function configWith(t: TestContext, host: string, names: readonly string[]): Promise<string> {
  const directory = temporaryDirectory(t);
  await mkdir(join(directory, "tls", host), { recursive: true });
  await Promise.all(names.map((name) => writeFile(join(directory, "tls", host, name), `content of ${name}`)));
  return directory;
}

test("authorities and client pairs of the host are read, other files and hosts are not", async (t) => {
  const names = ["ca.crt", "other.crt", "client.cert", "client.key", "notes.txt", "ca.pem"];
  const directory = await configWith(t, "trust.example:4443", names);
  assert.deepEqual(await readDockerTls(directory, "trust.example:4443"), {
    ca: ["content of ca.crt", "content of other.crt"],
    clientCertificates: [{ cert: "content of client.cert", key: "content of client.key" }],
  });
  assert.deepEqual(await readDockerTls(directory, "trust.example"), { ca: [], clientCertificates: [] });
});

const incomplete: Readonly<Record<string, string>> = {
  "client.cert":
    "missing key client.key for client certificate client.cert. CA certificates must use the extension .crt",
  "client.key": "missing client certificate client.cert for key client.key",
};

for (const [name, message] of Object.entries(incomplete)) {
  test(`${name} alone is refused with Docker's words`, async (t) => {
    const directory = await configWith(t, "h", [name]);
    await assert.rejects(
      () => readDockerTls(directory, "h"),
      (error) => error instanceof OciError && error.code === "OCI_DOCKER_TLS" && error.message === message,
    );
  });
}

for (const host of ["..", "a/b", "", "a\\b"]) {
  test(`${JSON.stringify(host)} never becomes part of a path`, async (t) => {
    const directory = await configWith(t, "h", ["ca.crt"]);
    await assert.rejects(() => readDockerTls(join(directory, "tls"), host), { code: "OCI_DOCKER_TLS" });
  });
}

test("what cannot be read, or is too large to be a certificate, is named", async (t) => {
  const directory = await configWith(t, "h", ["large.crt"]);
  await writeFile(join(directory, "tls", "h", "large.crt"), Buffer.alloc(1024 * 1024 + 1));
  await assert.rejects(() => readDockerTls(directory, "h"), failsWith("OCI_DOCKER_TLS", /large\.crt is larger than/));
  await mkdir(join(directory, "tls", "d", "ca.crt"), { recursive: true });
  await assert.rejects(() => readDockerTls(directory, "d"), failsWith("OCI_DOCKER_TLS", /cannot read .*ca\.crt/));
  await writeFile(join(directory, "tls", "f"), "");
  await assert.rejects(() => readDockerTls(directory, "f"), failsWith("OCI_DOCKER_TLS", /cannot read/));
});
