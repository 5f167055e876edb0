import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { podmanCredentials } from "./podmanAuth.ts";

const login = (user: string): { auth: string } => ({ auth: Buffer.from(`${user}:pw`).toString("base64") });

function file(path: string, auths: Readonly<Record<string, unknown>>): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify({ auths }));
  return path;
}

async function user(registry: string, repository: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const found = await podmanCredentials(registry, repository, environment);
  return found !== undefined && "password" in found ? found.username : undefined;
}

function home(t: TestContext): { readonly HOME: string } {
  return { HOME: temporaryDirectory(t) };
}

test("the longest key that names the repository counts", async (t) => {
  const environment = home(t);
  file(join(environment.HOME, ".config/containers/auth.json"), {
    "r.example": login("registry"),
    "r.example/team": login("team"),
    "r.example/team/app": login("app"),
    "r.example/te": login("nobody"),
    "docker.io/library": login("hub"),
  });
  assert.equal(await user("r.example", "team/app", environment), "app");
  assert.equal(await user("r.example", "team/app2", environment), "team");
  assert.equal(await user("r.example", "other", environment), "registry");
  assert.equal(await user("docker.io", "library/alpine", environment), "hub");
  assert.equal(await user("docker.io", "other/alpine", environment), undefined);
  assert.equal(await user("example", "team/app", environment), undefined);
});

test("the file is the one that is named, else that of the session before that of the user", async (t) => {
  const { HOME } = home(t);
  const runtime = temporaryDirectory(t);
  const named = file(join(temporaryDirectory(t), "named.json"), { r: login("named") });
  file(join(runtime, "containers/auth.json"), { r: login("session") });
  file(join(HOME, ".config/containers/auth.json"), { r: login("user"), s: login("user") });
  assert.equal(await user("r", "a", { HOME, XDG_RUNTIME_DIR: runtime, REGISTRY_AUTH_FILE: named }), "named");
  assert.equal(await user("r", "a", { HOME, XDG_RUNTIME_DIR: runtime }), "session");
  assert.equal(await user("s", "a", { HOME, XDG_RUNTIME_DIR: runtime }), "user");
  assert.equal(await user("s", "a", { HOME: "/nowhere", XDG_CONFIG_HOME: join(HOME, ".config") }), "user");
  assert.equal(await user("r", "a", home(t)), undefined);
});

test("a file that cannot be read is named", async (t) => {
  const broken = join(temporaryDirectory(t), "auth.json");
  writeFileSync(broken, "{");
  const environment = { REGISTRY_AUTH_FILE: broken };
  await assert.rejects(
    () => podmanCredentials("r", "a", environment),
    failsWith("OCI_DOCKER_CONFIG", /auth\.json is not JSON/),
  );
});
