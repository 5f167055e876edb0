import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect } from "node:net";
import { TLSSocket } from "node:tls";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { authorityCertificate, identity, type Identity } from "../../test/support/tlsIdentity.ts";
import { startScriptedServer, type Script, type ScriptedServer } from "../../test/support/scriptedServer.ts";
import type { TlsOptions } from "../transport/tlsOptions.ts";
import { TrustServer, type TrustServerOptions } from "./trustServer.ts";

async function serve(
  t: TestContext,
  tls: Identity & { readonly ca?: string; readonly requestCert?: boolean },
): Promise<ScriptedServer> {
  return await startScriptedServer(t, (_, response) => response.end("{}"), tls);
}

function open(t: TestContext, url: string, tls: TlsOptions, options: Partial<TrustServerOptions> = {}): TrustServer {
  const trustServer = new TrustServer({ url, tls, offlineAfterFailedPing: false, ...options });
  t.after(() => trustServer.close());
  return trustServer;
}

test("a server whose certificate comes from a given authority is trusted", async (t) => {
  const server = await serve(t, identity("localhost"));
  const trustServer = open(t, server.url, { ca: [authorityCertificate] });
  assert.deepEqual(await trustServer.ping(), { online: true });
  await trustServer.getMetadata("a", "root");
  await trustServer.publish("a", []);
  assert.equal(server.lines().length, 3);
});

const yesterday = new Date(Date.now() - 86_400_000);
const lastWeek = new Date(Date.now() - 7 * 86_400_000);
const refused: readonly (readonly [title: string, identity: Identity, tls: TlsOptions, text: string])[] = [
  ["an unknown authority", identity("localhost"), {}, "x509: certificate signed by unknown authority"],
  [
    "a certificate past its time",
    identity("localhost", { notBefore: lastWeek, notAfter: yesterday }),
    { ca: [authorityCertificate] },
    "x509: certificate has expired or is not yet valid",
  ],
  [
    "a certificate of another host",
    identity("other.example"),
    { ca: [authorityCertificate] },
    "x509: certificate is not valid for any names, but wanted to match localhost",
  ],
];

for (const [title, served, tls, text] of refused) {
  test(`${title} ends the connection before anything is asked`, async (t) => {
    const server = await serve(t, served);
    const trustServer = open(t, server.url, tls);
    const message = `tls: failed to verify certificate: ${text}`;
    const ping = await trustServer.ping();
    assert.equal(!ping.online && ping.reason, `Get "${server.url}/v2/": ${message}`);
    await assert.rejects(trustServer.getMetadata("a", "root"), failsWith("NOTARY_TLS", message));
    assert.deepEqual(server.lines(), []);
  });
}

test("verification can be switched off by those who were told to", async (t) => {
  const server = await serve(t, identity("other.example"));
  assert.deepEqual(await open(t, server.url, { insecureSkipVerify: true }).ping(), { online: true });
});

test("a client certificate is shown", async (t) => {
  const server = await serve(t, { ...identity("localhost"), ca: authorityCertificate, requestCert: true });
  const client = identity("alice");
  await open(t, server.url, { ca: [authorityCertificate], clientCertificates: [client] }).ping();
  const socket = server.requests[0]?.socket;
  assert.ok(socket instanceof TLSSocket);
  assert.equal(socket.getPeerCertificate().subject.CN, "alice");
});

test("a client certificate without its key is reported before anything is sent", async (t) => {
  const server = await serve(t, identity("localhost"));
  const broken = { cert: identity("alice").cert, key: identity("bob").key };
  const trustServer = open(t, server.url, { clientCertificates: [broken] });
  await assert.rejects(trustServer.getMetadata("a", "root"), failsWith("NOTARY_TLS", /^tls: .*mismatch/));
});

test("https spoken to an http server is told as by Go", async (t) => {
  const server = await startScriptedServer(t, (_, response) => response.end("{}"));
  const trustServer = open(t, server.url.replace("http:", "https:"), {});
  await assert.rejects(
    trustServer.getMetadata("a", "root"),
    failsWith("NOTARY_TLS", "http: server gave HTTP response to HTTPS client"),
  );
});

test("on this machine http is tried when asked for, and https is not spoken", async (t) => {
  const server = await startScriptedServer(t, (_, response) => response.end("{}"));
  const trustServer = open(t, server.url.replace("http:", "https:"), {}, { plainHttpFallback: true });
  await trustServer.getMetadata("a", "root");
  assert.deepEqual(server.lines(), ["GET /v2/", "GET /v2/a/_trust/tuf/root.json"]);
  assert.equal(trustServer.url, server.url);
});

test("an untrusted certificate never leads to http", async (t) => {
  const server = await serve(t, identity("localhost"));
  const trustServer = open(t, server.url, {}, { plainHttpFallback: true });
  assert.equal((await trustServer.ping()).online, false);
  assert.equal(trustServer.url, server.url);
});

const realms: readonly (readonly [realm: string, allowed: boolean])[] = [
  ["http://auth.example.test/token", false],
  ["http://127.0.0.1.example.test/token", false],
  ["http://127.0.0.1:1/token", true],
];

for (const [realm, allowed] of realms) {
  test(`a login for an encrypted server ${allowed ? "may go" : "never goes"} to ${realm}`, async (t) => {
    const challenge = { "www-authenticate": `Bearer realm="${realm}"` };
    const script: Script = (_, response) => response.writeHead(401, challenge).end();
    const server = await startScriptedServer(t, script, identity("localhost"));
    const credentials = { username: "alice", password: "secret" };
    const trustServer = open(t, server.url, { ca: [authorityCertificate] }, { credentials, anonymousFirst: false });
    await assert.rejects(
      trustServer.getMetadata("a", "root"),
      allowed
        ? failsWith("NOTARY_UNREACHABLE", /connection refused/)
        : failsWith(
            "NOTARY_TOKEN",
            `the token service ${new URL(realm).origin} is not encrypted, but the trust server is`,
          ),
    );
  });
}

test("a proxy is asked for a tunnel, and the server behind it is verified as always", async (t) => {
  const server = await serve(t, identity("trust.example"));
  const tunnels: string[] = [];
  const proxy = createServer().on("connect", ({ url }, socket) => {
    tunnels.push(url ?? "");
    const upstream = connect(server.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const address = proxy.address();
  assert.ok(typeof address === "object" && address !== null);
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${address.port}` };
  const trusted = open(t, "https://trust.example", { ca: [authorityCertificate] }, { environment });
  assert.deepEqual(await trusted.ping(), { online: true });
  const untrusted = open(t, "https://trust.example", {}, { environment });
  await assert.rejects(untrusted.getMetadata("a", "root"), failsWith("NOTARY_TLS", /unknown authority/));
  assert.deepEqual(new Set(tunnels), new Set(["trust.example:443"]));
  assert.deepEqual(server.lines(), ["GET /v2/"]);
});
