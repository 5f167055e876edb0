import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { startScriptedServer, type Script } from "../../test/support/scriptedServer.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { authorityCertificate, identity } from "../../test/support/tlsIdentity.ts";
import { openRegistry } from "./registryAccess.ts";

const basic = (text: string): string => Buffer.from(text).toString("base64");
const listing: Script = (_, response) => response.end('{"tags":["1"]}');

/** Lists the tags of a repository with what lies in these directories. */
async function list(t: TestContext, domain: string, environment: NodeJS.ProcessEnv, directory: string): Promise<void> {
  const client = await openRegistry(domain, { environment, certificateDirectories: [directory] });
  t.after(() => client.close());
  for await (const tag of client.tags("team/app")) assert.equal(tag, "1");
}

for (const place of ["the system's directory", "Docker's configuration"]) {
  test(`authorities and client certificates are those in ${place}`, async (t) => {
    const shown: string[] = [];
    const server = await startScriptedServer(
      t,
      (request, response) => {
        const { socket } = request;
        shown.push("authorized" in socket && socket.authorized === true ? "client" : "nobody");
        listing(request, response);
      },
      { ...identity("localhost"), ca: authorityCertificate, requestCert: true, rejectUnauthorized: false },
    );
    const { host } = new URL(server.url);
    const [system, config] = [temporaryDirectory(t), temporaryDirectory(t)];
    const directory = join(place === "the system's directory" ? system : join(config, "tls"), host);
    const client = identity("client");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "ca.crt"), authorityCertificate);
    writeFileSync(join(directory, "me.cert"), client.cert);
    writeFileSync(join(directory, "me.key"), client.key);
    await list(t, host, { DOCKER_CONFIG: config }, system);
    assert.deepEqual(shown, ["client", "client"]);
  });
}

test("a certificate of another authority than those given is refused", async (t) => {
  const server = await startScriptedServer(t, listing, identity("localhost"));
  const { host } = new URL(server.url);
  const system = temporaryDirectory(t);
  mkdirSync(join(system, host));
  writeFileSync(join(system, host, "ca.crt"), identity("someone").cert);
  await assert.rejects(() => list(t, host, { HOME: temporaryDirectory(t) }, system), failsWith("TRANSPORT_TLS"));
});

interface Logins {
  readonly environment?: string;
  readonly docker?: string;
  readonly podman?: string;
}

const logins: readonly (readonly [logins: Logins, user: string | undefined])[] = [
  [{ environment: "env", docker: "docker", podman: "podman" }, "env"],
  [{ docker: "docker", podman: "podman" }, "docker"],
  [{ podman: "podman" }, "podman"],
  [{}, undefined],
];

for (const [given, user] of logins) {
  test(`of ${Object.keys(given).join(", ") || "no login"}, ${user ?? "nobody"} is asked`, async (t) => {
    const server = await startScriptedServer(t, (request, response) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else listing(request, response);
    });
    const { host } = new URL(server.url);
    const file = (login: string, key: string): string =>
      JSON.stringify({ auths: { [key]: { auth: basic(`${login}:pw`) } } });
    const HOME = temporaryDirectory(t);
    mkdirSync(join(HOME, ".docker"));
    mkdirSync(join(HOME, ".config/containers"), { recursive: true });
    if (given.docker !== undefined) writeFileSync(join(HOME, ".docker/config.json"), file(given.docker, host));
    if (given.podman !== undefined)
      writeFileSync(join(HOME, ".config/containers/auth.json"), file(given.podman, `${host}/team`));
    const environment = {
      HOME,
      ...(given.environment !== undefined && { DOCKER_AUTH_CONFIG: file(given.environment, host) }),
    };
    const listed = list(t, host, environment, temporaryDirectory(t));
    if (user === undefined) {
      await assert.rejects(listed, failsWith("TRANSPORT_NO_CREDENTIALS"));
    } else {
      await listed;
      assert.equal(server.requests.at(-1)?.headers.authorization, `Basic ${basic(`${user}:pw`)}`);
    }
  });
}
