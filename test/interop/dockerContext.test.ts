/** Where Docker's command line has been told that the engine is, as Docker itself writes that down. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { engineSocket } from "../../src/oci/index.ts";
import { runOk } from "../support/childProgram.ts";
import { failsWith } from "../support/failsWith.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

interface User {
  readonly home: string;
  docker(...args: readonly string[]): Promise<unknown>;
}

function newUser(t: TestContext): User {
  const home = temporaryDirectory(t);
  return { home, docker: (...args) => runOk(peerPath("docker"), args, { env: { HOME: home } }) };
}

test("the engine is that of the context in use, unless the environment names another", async (t) => {
  if (!requirePeer(t, "docker")) return;
  const { home: HOME, docker } = newUser(t);
  assert.equal(engineSocket({ HOME }), "/var/run/docker.sock");
  await docker("context", "create", "rootless", "--docker", "host=unix:///run/user/1/docker.sock");
  await docker("context", "create", "far", "--docker", "host=tcp://10.0.0.1:2376");
  assert.equal(engineSocket({ HOME }), "/var/run/docker.sock");
  assert.equal(engineSocket({ HOME, DOCKER_CONTEXT: "rootless" }), "/run/user/1/docker.sock");
  await docker("context", "use", "rootless");
  assert.equal(engineSocket({ HOME }), "/run/user/1/docker.sock");
  assert.equal(engineSocket({ HOME: "/nonexistent", DOCKER_CONFIG: join(HOME, ".docker") }), "/run/user/1/docker.sock");
  assert.equal(engineSocket({ HOME, DOCKER_HOST: "unix:///other.sock" }), "/other.sock");
  assert.equal(engineSocket({ HOME, DOCKER_CONTEXT: "default" }), "/var/run/docker.sock");
  const elsewhere = failsWith(
    "OCI_ENGINE",
    /^the Docker context is for tcp:\/\/10\.0\.0\.1:2376, which is not a socket/,
  );
  assert.throws(() => engineSocket({ HOME, DOCKER_CONTEXT: "far" }), elsewhere);
  const absent = failsWith("OCI_DOCKER_CONFIG", /there is no Docker context "absent"/);
  assert.throws(() => engineSocket({ HOME, DOCKER_CONTEXT: "absent" }), absent);
});
