import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { peerPath, requirePeer } from "../../test/support/peers.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { parseCertificate } from "../tuf/certificate.ts";
import { CertificateAuthority } from "./certificateAuthority.ts";
import { HttpError } from "./errors.ts";

const now = new Date("2026-11-21T12:00:00Z");
const day = 86_400_000;
const after = (days: number): Date => new Date(now.getTime() + days * day);
const hosts = ["localhost", "127.0.0.1", "::1", "2001:db8::a:0:1", "::ffff:192.0.2.7", "trust.example"];

function directoryOf(t: TestContext): string {
  return join(temporaryDirectory(t), "tls");
}

test("makes an authority and a server certificate that belong together", async (t) => {
  const directory = directoryOf(t);
  const authority = await CertificateAuthority.open({ directory, now });
  const { certificate, privateKey } = await authority.serverCertificate(hosts, now);
  const [ca, server] = [new X509Certificate(authority.certificate), new X509Certificate(certificate)];
  assert.equal(ca.ca, true);
  assert.ok(ca.verify(ca.publicKey));
  assert.equal(server.ca, false);
  assert.ok(server.verify(ca.publicKey));
  assert.ok(server.checkIssued(ca));
  for (const host of hosts) {
    assert.ok(host.includes(":") || /^\d/.test(host) ? server.checkIP(host) : server.checkHost(host), host);
  }
  assert.equal(server.checkHost("other.example"), undefined);
  assert.equal(server.checkIP("127.0.0.2"), undefined);
  assert.deepEqual(server.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  assert.deepEqual(parseCertificate(ca.raw).keyUsage, ["keyCertSign", "cRLSign"]);
  assert.deepEqual(parseCertificate(server.raw).keyUsage, ["digitalSignature"]);
  assert.equal(server.validToDate.getTime(), after(397).getTime());
  assert.equal(ca.validToDate.getTime(), after(3650).getTime());
  assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----/);
});

test("files: keys for the owner only, certificates for everybody, the directory private", async (t) => {
  const directory = directoryOf(t);
  await (await CertificateAuthority.open({ directory, now })).serverCertificate(hosts, now);
  const mode = (path: string): number => statSync(path).mode & 0o777;
  assert.equal(mode(directory), 0o700);
  assert.equal(mode(join(directory, "ca.key")), 0o600);
  assert.equal(mode(join(directory, "server.key")), 0o600);
  assert.equal(mode(join(directory, "ca.crt")), 0o644);
  assert.equal(mode(join(directory, "server.crt")), 0o644);
});

test("opening again finds the same authority and the same server certificate", async (t) => {
  const directory = directoryOf(t);
  const first = await CertificateAuthority.open({ directory, now });
  const certificate = await first.serverCertificate(hosts, now);
  const second = await CertificateAuthority.open({ directory, now: after(300) });
  assert.equal(second.certificate, first.certificate);
  assert.deepEqual(await second.serverCertificate(hosts, after(366)), certificate);
  assert.deepEqual(await second.serverCertificate(["localhost"], after(366)), certificate, "it covers fewer names too");
  assert.equal(readFileSync(second.certificateFile, "utf8"), first.certificate);
});

for (const [why, spoil, names, at] of [
  ["a month before its end", () => undefined, hosts, after(368)],
  ["for a name it does not cover", () => undefined, [...hosts, "new.example"], now],
  ["when its key is missing", (directory: string) => rmSync(join(directory, "server.key")), hosts, now],
  ["when it is damaged", (directory: string) => writeFileSync(join(directory, "server.crt"), "nonsense"), hosts, now],
  [
    "when it is of another authority",
    (directory: string) => ["ca.crt", "ca.key"].forEach((name) => rmSync(join(directory, name))),
    hosts,
    now,
  ],
  ["when the clock was turned back to before it", () => undefined, hosts, after(-1)],
] as const) {
  test(`the server certificate is replaced ${why}`, async (t) => {
    const directory = directoryOf(t);
    const before = await (await CertificateAuthority.open({ directory, now })).serverCertificate(hosts, now);
    spoil(directory);
    const authority = await CertificateAuthority.open({ directory, now: at });
    const replaced = await authority.serverCertificate(names, at);
    assert.notEqual(replaced.certificate, before.certificate);
    const certificate = new X509Certificate(replaced.certificate);
    assert.ok(certificate.verify(new X509Certificate(authority.certificate).publicKey));
    assert.ok(certificate.validToDate > at);
    assert.deepEqual(await authority.serverCertificate(names, at), replaced);
  });
}

test("an authority about to end is set aside for a new one; a server certificate never outlives its authority", async (t) => {
  const directory = directoryOf(t);
  const old = await CertificateAuthority.open({ directory, now });
  const last = await old.serverCertificate(hosts, after(3600));
  assert.equal(new X509Certificate(last.certificate).validToDate.getTime(), after(3650).getTime());
  const renewed = await CertificateAuthority.open({ directory, now: after(3625) });
  assert.notEqual(renewed.certificate, old.certificate);
  assert.equal(readFileSync(join(directory, "ca.previous.crt"), "utf8"), old.certificate);
  assert.notEqual(new X509Certificate(renewed.certificate).subject, new X509Certificate(old.certificate).subject);
});

for (const [what, spoil] of [
  ["a damaged certificate", (directory: string) => writeFileSync(join(directory, "ca.crt"), "nonsense")],
  ["a missing key", (directory: string) => rmSync(join(directory, "ca.key"))],
  ["a damaged key", (directory: string) => writeFileSync(join(directory, "ca.key"), "nonsense")],
  [
    "a key of something else",
    (directory: string) => writeFileSync(join(directory, "ca.key"), readFileSync(join(directory, "server.key"))),
  ],
] as const) {
  test(`${what} of the authority is refused and nothing is overwritten`, async (t) => {
    const directory = directoryOf(t);
    await (await CertificateAuthority.open({ directory, now })).serverCertificate(hosts, now);
    spoil(directory);
    const certificate = readFileSync(join(directory, "ca.crt"));
    await assert.rejects(CertificateAuthority.open({ directory, now }), (error: unknown) => {
      assert.ok(error instanceof HttpError);
      assert.equal(error.code, "HTTP_CERTIFICATE");
      return true;
    });
    assert.deepEqual(readFileSync(join(directory, "ca.crt")), certificate);
  });
}

test("OpenSSL accepts the chain for a server", async (t) => {
  if (!requirePeer(t, "openssl")) {
    return;
  }
  const directory = directoryOf(t);
  const authority = await CertificateAuthority.open({ directory, now });
  await authority.serverCertificate(hosts, now);
  const at = String(now.getTime() / 1000);
  const [ca, server] = [join(directory, "ca.crt"), join(directory, "server.crt")];
  const checks = ["-x509_strict", "-purpose", "sslserver", "-attime", at, "-verify_hostname", "localhost"];
  const result = spawnSync(peerPath("openssl"), ["verify", ...checks, "-CAfile", ca, server], { encoding: "utf8" });
  assert.equal(result.status, 0, result.stdout + result.stderr);
});
