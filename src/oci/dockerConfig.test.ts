import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import type { Credentials } from "../transport/credentials.ts";
import { DockerConfig, dockerConfigDirectory } from "./dockerConfig.ts";
import { OciError, type OciCode } from "./errors.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function load(t: TestContext, config: unknown, environment: NodeJS.ProcessEnv = {}): Promise<DockerConfig> {
  const path = temporaryDirectory(t);
  await writeFile(join(path, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return await DockerConfig.load(path, environment);
}

/** A credential helper in a directory of its own, which becomes the whole PATH besides the shell's. */
async function withHelper(t: TestContext, script: string): Promise<NodeJS.ProcessEnv & { readonly LOG: string }> {
  const bin = temporaryDirectory(t);
  await writeFile(join(bin, "docker-credential-lab"), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, "docker-credential-lab"), 0o755);
  return { PATH: `${bin}:/usr/bin:/bin`, LOG: join(bin, "log") };
}

function withCode(code: OciCode, message?: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof OciError && error.code === code && (message?.test(error.message) ?? true);
}

const logins: readonly (readonly [title: string, config: unknown, registry: string, login: Credentials | undefined])[] =
  [
    [
      "a password under the host and port",
      { auths: { "localhost:5000": { auth: "YWxpY2U6c2VjcmV0" } } },
      "localhost:5000",
      { username: "alice", password: "secret" },
    ],
    ["a token for the registry itself", { auths: { r: { registrytoken: "rt" } } }, "r", { registryToken: "rt" }],
    [
      "Docker Hub's under its address",
      { auths: { "https://index.docker.io/v1/": { auth: base64("hub:pw") } } },
      "docker.io",
      { username: "hub", password: "pw" },
    ],
    [
      "an old entry with scheme and path",
      { auths: { "https://reg.example/v1/": { auth: base64("a:b") } } },
      "reg.example",
      { username: "a", password: "b" },
    ],
    [
      "a password with colons, padded with zero bytes",
      { auths: { r: { auth: base64("a:b:c\0\0") } } },
      "r",
      { username: "a", password: "b:c" },
    ],
    ["plain members", { auths: { r: { username: "a", password: "b" } } }, "r", { username: "a", password: "b" }],
    [
      "an identity token beside the name",
      { auths: { r: { auth: base64("a:"), identitytoken: "tok" } } },
      "r",
      { username: "a", identityToken: "tok" },
    ],
    ["none for another host", { auths: { r: { auth: base64("a:b") } } }, "r.example", undefined],
    ["none for another port", { auths: { "r:1": { auth: base64("a:b") } } }, "r:2", undefined],
    ["none in an entry without content", { auths: { r: {} } }, "r", undefined],
    ["none where auths is not an object", { auths: 7 }, "r", undefined],
    ["none under a name that objects inherit", { auths: {} }, "constructor", undefined],
  ];

for (const [title, config, registry, login] of logins) {
  test(`a login is found: ${title}`, async (t) => {
    assert.deepEqual(await (await load(t, config)).credentials(registry), login);
  });
}

test("a missing config.json is an empty one", async (t) => {
  const config = await DockerConfig.load(join(temporaryDirectory(t), "nowhere"), {});
  assert.equal(await config.credentials("r"), undefined);
});

const broken: Readonly<Record<string, unknown>> = {
  "larger than any configuration": " ".repeat(1024 * 1024 + 1),
  "not JSON": '{"auths": {"r": {"auth": "c2VjcmV0OnBhc3N3b3Jk"',
  "no colon in auth": { auths: { r: { auth: base64("alice") } } },
  "no user name in auth": { auths: { r: { auth: base64(":x") } } },
};

for (const [title, config] of Object.entries(broken)) {
  test(`a broken config.json is named without its secrets: ${title}`, async (t) => {
    await assert.rejects(
      async () => (await load(t, config)).credentials("r"),
      (error) => {
        assert.ok(withCode("OCI_DOCKER_CONFIG")(error));
        assert.doesNotMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /c2VjcmV0|alice|YWxpY2U/);
        return true;
      },
    );
  });
}

test("the helper of a registry comes before the general one and before the file, and gets the address on its input", async (t) => {
  const environment = await withHelper(t, 'cat > "$LOG"; printf \'{"ServerURL":"x","Username":"bob","Secret":"s3"}\'');
  const config = await load(
    t,
    { credHelpers: { "r:5": "lab" }, credsStore: "absent", auths: { "r:5": { auth: base64("a:b") } } },
    environment,
  );
  assert.deepEqual(await config.credentials("r:5"), { username: "bob", password: "s3" });
  assert.equal(await readFile(environment.LOG, "utf8"), "r:5");
});

test("a helper is asked for Docker Hub by its address, and may give an identity token", async (t) => {
  const environment = await withHelper(t, 'cat > "$LOG"; printf \'{"Username":"<token>","Secret":"idt"}\'');
  const config = await load(t, { credsStore: "lab" }, environment);
  assert.deepEqual(await config.credentials("docker.io"), { identityToken: "idt" });
  assert.equal(await readFile(environment.LOG, "utf8"), "https://index.docker.io/v1/");
});

test("a helper that knows no login is not an error", async (t) => {
  const environment = await withHelper(t, "echo 'credentials not found in native keychain'; exit 1");
  assert.equal(await (await load(t, { credsStore: "lab" }, environment)).credentials("r"), undefined);
});

const failingHelpers: readonly (readonly [title: string, helper: string, script: string, message: RegExp])[] = [
  ["fails otherwise", "lab", "echo locked; exit 3", /failed with exit code 3/],
  ["prints no JSON", "lab", "echo topsecret", /not a login/],
  ["prints other JSON", "lab", 'echo \'{"Secret":"topsecret"}\'', /not a login/],
  ["prints without end", "lab", "exec yes topsecret", /printed too much/],
  ["leaves a child with the pipe", "lab", "yes topsecret 2>/dev/null", /printed too much/],
  ["is not installed", "missing", "", /cannot run docker-credential-missing/],
  ["has a name that is a path", "../lab", "", /cannot be the name/],
  ["has a name with shell syntax", "lab;id", "", /cannot be the name/],
];

for (const [title, helper, script, message] of failingHelpers) {
  test(`a helper that ${title} is named, and what it printed is not`, async (t) => {
    const config = await load(t, { credsStore: helper }, await withHelper(t, script));
    await assert.rejects(
      () => config.credentials("r"),
      (error) => withCode("OCI_CREDENTIAL_HELPER", message)(error) && !/topsecret/.test(String(error)),
    );
  });
}

test("a config.json that cannot be read is named", async (t) => {
  const path = temporaryDirectory(t);
  await mkdir(join(path, "config.json"));
  await assert.rejects(() => DockerConfig.load(path, {}), withCode("OCI_DOCKER_CONFIG", /cannot read .*config\.json/));
});

test("the directory is DOCKER_CONFIG, else .docker in HOME", () => {
  assert.equal(dockerConfigDirectory({ DOCKER_CONFIG: "/c", HOME: "/h" }), "/c");
  assert.equal(dockerConfigDirectory({ DOCKER_CONFIG: "", HOME: "/h" }), "/h/.docker");
});

test("logins in the environment are read like those of the file, without helpers", async () => {
  const text = JSON.stringify({ credsStore: "lab", auths: { r: { auth: base64("alice:secret") } } });
  const config = DockerConfig.fromEnvironment({ DOCKER_AUTH_CONFIG: text });
  assert.deepEqual(await config.credentials("r"), { username: "alice", password: "secret" });
  assert.equal(await config.credentials("other"), undefined);
  assert.equal(await DockerConfig.fromEnvironment({}).credentials("r"), undefined);
  assert.throws(
    () => DockerConfig.fromEnvironment({ DOCKER_AUTH_CONFIG: "{topsecret" }),
    (error) =>
      withCode("OCI_DOCKER_CONFIG", /^DOCKER_AUTH_CONFIG is not JSON$/)(error) && !/topsecret/.test(String(error)),
  );
});
