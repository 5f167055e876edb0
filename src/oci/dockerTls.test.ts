import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
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
