/** Logging in to the original registry: by password, and by the token protocol with tokens that it checks itself. */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { makeCertificate } from "../support/certificates.ts";
import { runDockerRegistry } from "../support/dockerRegistry.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { requirePeer } from "../support/peers.ts";
import { multiPlatformSample, sampleImage } from "../support/sampleImage.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const login = "alice:sesame";
/** bcrypt of that password, as `htpasswd -B` writes it. */
const passwordLine = "alice:$2b$05$lQt31m6yF3h1qztz38ZMTe3A2pEirzNUWui//wLXE4wTgjYBu6paa\n";
const service = "registry of the test";

function writeConfig(user: ImageUser, config: object): void {
  mkdirSync(join(user.home, ".docker"), { recursive: true });
  writeFileSync(join(user.home, ".docker/config.json"), JSON.stringify(config));
}

const auths = (host: string, text: string): object => ({
  auths: { [host]: { auth: Buffer.from(text).toString("base64") } },
});

test("docker-registry asks for a password: the login of config.json or of a helper opens it, another one does not", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const directory = temporaryDirectory(t);
  const path = join(directory, "htpasswd");
  writeFileSync(path, passwordLine);
  const { host } = await runDockerRegistry(t, { auth: { htpasswd: { realm: "test", path } } });
  const name = `${host}/team/app:1.0`;
  const nobody = new ImageUser(t);
  const layout = await nobody.layout(sampleImage());
  const refused = await nobody.run("push", layout, name);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /no basic auth credentials/);
  writeConfig(nobody, auths(host, "alice:wrong"));
  const wrong = await nobody.run("push", layout, name);
  assert.match(wrong.stderr, /\(OCI_UNAUTHORIZED\)/);
  assert.ok(!wrong.stderr.includes("wrong"), "a password is not shown");

  const alice = new ImageUser(t);
  writeConfig(alice, auths(host, login));
  succeeded(await alice.run("push", layout, name));

  const helped = new ImageUser(t, { PATH: `${directory}:${process.env["PATH"] ?? ""}` });
  const helper = join(directory, "docker-credential-test");
  const answer = JSON.stringify({ ServerURL: host, Username: "alice", Secret: "sesame" });
  writeFileSync(helper, `#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = "${host}" ] && echo '${answer}'\n`);
  chmodSync(helper, 0o755);
  writeConfig(helped, { credHelpers: { [host]: "test" } });
  succeeded(await helped.run("copy", name, `${host}/team/copy:1.0`));
});

interface TokenService {
  readonly realm: string;
  /** What its tokens are checked with. */
  readonly certificate: string;
  /** What was asked for: who, and which rights. */
  readonly asked: readonly string[];
}

/** Gives alice whatever she asks for, and everybody the right to read what is below `public/`. */
async function startTokenService(t: TestContext): Promise<TokenService> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = makeCertificate({ commonName: "token service", key: privateKey, ca: true });
  const x5c = [certificate.replace(/-----[A-Z ]+-----|\n/g, "")];
  const asked: string[] = [];
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://x");
    const { authorization } = request.headers;
    const isAlice = authorization === `Basic ${Buffer.from(login).toString("base64")}`;
    if (authorization !== undefined && !isAlice) {
      response.writeHead(401).end();
      return;
    }
    const scopes = searchParams.getAll("scope");
    asked.push(`${isAlice ? "alice" : "nobody"} ${scopes.join(" ")}`);
    const access = scopes.map((scope) => {
      const [type = "", name = "", actions = ""] = scope.split(":");
      const rights = isAlice ? actions.split(",") : name.startsWith("public/") ? ["pull"] : [];
      return { type, name, actions: rights };
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: "test", sub: isAlice ? "alice" : "", aud: service, exp: now + 60, nbf: now - 60, iat: now };
    const payload = `${encode({ typ: "JWT", alg: "ES256", x5c })}.${encode({ ...claims, jti: randomUUID(), access })}`;
    const signature = sign("sha256", Buffer.from(payload), { key: privateKey, dsaEncoding: "ieee-p1363" });
    response.end(JSON.stringify({ token: `${payload}.${signature.toString("base64url")}`, expires_in: 60 }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, certificate, asked };
}

test("docker-registry asks for tokens: each repository's rights are asked for, and mounting is allowed by both", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const tokens = await startTokenService(t);
  const rootcertbundle = join(temporaryDirectory(t), "bundle.pem");
  writeFileSync(rootcertbundle, tokens.certificate);
  const { host } = await runDockerRegistry(t, {
    auth: { token: { realm: tokens.realm, service, issuer: "test", rootcertbundle } },
  });
  const alice = new ImageUser(t);
  writeConfig(alice, auths(host, login));
  const sample = multiPlatformSample();
  await alice.push(sample, `${host}/secret/app:1.0`);
  assert.ok(tokens.asked.includes("alice repository:secret/app:pull,push"), tokens.asked.join("\n"));

  const copied = succeeded(await alice.run("copy", `${host}/secret/app:1.0`, `${host}/public/app:1.0`));
  assert.match(copied.stderr, /: Mounted from another repository\n/);
  assert.ok(
    tokens.asked.some((line) => line.includes("public/app:pull,push") && line.includes("secret/app:pull")),
    tokens.asked.join("\n"),
  );

  const nobody = new ImageUser(t);
  const { code } = await nobody.run(
    "compare",
    "--content-only",
    `${host}/public/app:1.0`,
    `oci:${await nobody.layout(sample)}`,
  );
  assert.equal(code, 0);
  const hidden = await nobody.run("copy", `${host}/secret/app:1.0`, `${host}/public/stolen:1.0`);
  assert.equal(hidden.code, 4, hidden.stdout);
  assert.match(hidden.stderr, /\(OCI_UNAUTHORIZED\)/);
  const forbidden = await nobody.run("push", await nobody.layout(sampleImage()), `${host}/public/mine:1.0`);
  assert.match(forbidden.stderr, /\(OCI_UNAUTHORIZED\)/);
  writeConfig(nobody, auths(host, "alice:wrong"));
  const wrong = await nobody.run("copy", `${host}/secret/app:1.0`, `${host}/public/stolen:1.0`);
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /401|unauthorized/i);
});
