import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { makePrivateDirectory, writeFileAtomic } from "../keys/atomicFile.ts";
import { HttpError } from "./errors.ts";
import type { ServerCertificate } from "./listener.ts";
import { generateTlsKey, writeCertificate } from "./x509.ts";

export interface AuthorityOptions {
  /** Where the four files live; made (mode 0700) when absent. */
  readonly directory: string;
  readonly now: Date;
}

const day = 24 * 60 * 60_000;
const authorityDays = 3650;
/** Browsers and Apple's clients take no longer server certificates. */
const serverDays = 397;
/** How long before its end a certificate is replaced. */
const renewalDays = 30;
/** Certificates begin this long ago, for clients whose clock is a little behind, in milliseconds. */
const backdate = 60 * 60_000;
/** The most characters the CN of a certificate may have (RFC 5280's ub-common-name). */
const longestCommonName = 64;

/**
 * A certificate authority of one's own in a directory: `ca.crt` for clients to trust, `ca.key`, and the certificate
 * `server.crt` with `server.key` that servers of this directory show. Keys are readable by the owner only. Clients trust
 * `ca.crt` once; server certificates are replaced as often as needed.
 */
export class CertificateAuthority {
  /** The authority's certificate, PEM. */
  readonly certificate: string;
  /** Where it lies, for the line that tells people what to trust. */
  readonly certificateFile: string;
  readonly #directory: string;
  readonly #privateKey: KeyObject;
  readonly #commonName: string;
  readonly #notAfter: Date;

  private constructor(directory: string, certificate: string, privateKey: KeyObject) {
    const parsed = new X509Certificate(certificate);
    this.certificate = certificate;
    this.certificateFile = join(directory, "ca.crt");
    this.#directory = directory;
    this.#privateKey = privateKey;
    this.#commonName = /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? "";
    this.#notAfter = new Date(parsed.validTo);
  }

  /**
   * Opens the authority of a directory, or makes one when the directory has none or the one it has is about to end.
   * @throws HttpError HTTP_CERTIFICATE when the files are there but cannot be used
   */
  static async open({ directory, now }: AuthorityOptions): Promise<CertificateAuthority> {
    await makePrivateDirectory(directory);
    const found = await readPair(directory, "ca");
    if (found !== undefined) {
      const authority = new CertificateAuthority(directory, found.certificate, found.key);
      if (endsLater(authority.#notAfter, now)) {
        return authority;
      }
      // Set aside first: a crash before the new pair is complete must not leave a new key beside the old certificate.
      await rename(authority.certificateFile, join(directory, "ca.previous.crt"));
    }
    const privateKey = generateTlsKey();
    // The date tells apart authorities that one machine had one after the other.
    const commonName = `Countersign CA ${hostname()} ${now.toISOString().slice(0, 10)}`.slice(0, longestCommonName);
    const certificate = writeCertificate({
      commonName,
      publicKey: createPublicKey(privateKey),
      issuer: { commonName, privateKey },
      notBefore: new Date(now.getTime() - backdate),
      notAfter: new Date(now.getTime() + authorityDays * day),
      hosts: undefined,
    });
    await writePair(directory, "ca", certificate, privateKey);
    return new CertificateAuthority(directory, certificate, privateKey);
  }

  /**
   * The server certificate for these names and addresses: the stored one as long as it is of this authority, covers all of
   * them and lasts another month; else a new one, which is stored.
   */
  async serverCertificate(hosts: readonly string[], now: Date): Promise<ServerCertificate> {
    const found = await readPair(this.#directory, "server").catch(() => undefined);
    if (found !== undefined && this.#isUsable(new X509Certificate(found.certificate), hosts, now)) {
      return { certificate: found.certificate, privateKey: keyPem(found.key) };
    }
    const privateKey = generateTlsKey();
    const end = Math.min(now.getTime() + serverDays * day, this.#notAfter.getTime());
    const certificate = writeCertificate({
      commonName: (hosts[0] ?? "").slice(0, longestCommonName),
      publicKey: createPublicKey(privateKey),
      issuer: { commonName: this.#commonName, privateKey: this.#privateKey },
      notBefore: new Date(now.getTime() - backdate),
      notAfter: new Date(end),
      hosts,
    });
    await writePair(this.#directory, "server", certificate, privateKey);
    return { certificate, privateKey: keyPem(privateKey) };
  }

  #isUsable(certificate: X509Certificate, hosts: readonly string[], now: Date): boolean {
    const covers = (host: string): boolean =>
      (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
    return (
      certificate.verify(createPublicKey(this.#privateKey)) &&
      hosts.every(covers) &&
      new Date(certificate.validFrom) <= now &&
      endsLater(new Date(certificate.validTo), now)
    );
  }
}

interface Pair {
  readonly certificate: string;
  readonly key: KeyObject;
}

/** `<name>.crt` and `<name>.key`; undefined when there is no certificate yet. */
async function readPair(directory: string, name: "ca" | "server"): Promise<Pair | undefined> {
  const file = join(directory, `${name}.crt`);
  try {
    const certificate = await readFile(file, "utf8").catch(undefinedWhenAbsent);
    if (certificate === undefined) {
      return undefined;
    }
    const key = createPrivateKey(await readFile(join(directory, `${name}.key`)));
    if (new X509Certificate(certificate).checkPrivateKey(key)) {
      return { certificate, key };
    }
  } catch (cause) {
    throw new HttpError("HTTP_CERTIFICATE", `cannot use ${file} and its key`, { cause });
  }
  throw new HttpError("HTTP_CERTIFICATE", `${file} and ${name}.key beside it do not belong together`);
}

/** The key first: a crash between the two leaves a key without certificate, which is as good as nothing. */
async function writePair(directory: string, name: "ca" | "server", certificate: string, key: KeyObject): Promise<void> {
  await writeFileAtomic(join(directory, `${name}.key`), keyPem(key), 0o600);
  await writeFileAtomic(join(directory, `${name}.crt`), certificate, 0o644);
}

function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function undefinedWhenAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") {
    throw error;
  }
}

function endsLater(notAfter: Date, now: Date): boolean {
  return notAfter.getTime() > now.getTime() + renewalDays * day;
}
