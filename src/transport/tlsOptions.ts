import { readFileSync } from "node:fs";
import tls from "node:tls";
import { TransportError } from "./errors.ts";

export interface ClientCertificate {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
}

export interface TlsOptions {
  /** PEM texts of certificate authorities trusted in addition to the system's. */
  readonly ca?: readonly string[];
  /** Trust the authorities in `ca` and no others, as Notary's `--tlscacert` has it. */
  readonly onlyTheseAuthorities?: boolean;
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Accept any certificate. Only for those who were told to: there is no protection against a wrong server then. */
  readonly insecureSkipVerify?: boolean;
}

/** Where Linux systems keep all authorities they trust in one file; the first one there counts, as in Go. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Whether the authorities given are tried alone at first. Collecting the system's takes longer than all else that a short
 * command does, so it waits until a server turns out to be of none of those given. Nothing has been sent to it by then.
 */
export function trustsGivenFirst({ ca = [], onlyTheseAuthorities, insecureSkipVerify }: TlsOptions): boolean {
  return ca.length > 0 || onlyTheseAuthorities === true || insecureSkipVerify === true;
}

/**
 * Trusts the given authorities, what the system trusts (Node's own list where there is none), and NODE_EXTRA_CA_CERTS;
 * `first`: only those given, if trustsGivenFirst.
 */
export function secureContext(options: TlsOptions, authorities: "first" | "all"): tls.SecureContext {
  const { ca = [], clientCertificates = [] } = options;
  const known = authorities === "first" && trustsGivenFirst(options) ? [] : knownAuthorities();
  try {
    return tls.createSecureContext({
      ca: [...known, ...ca],
      cert: clientCertificates.map(({ cert }) => cert),
      key: clientCertificates.map(({ key }) => key),
    });
  } catch (cause) {
    throw new TransportError("TRANSPORT_TLS", `tls: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: "A certificate or key file given for the connection to the server cannot be used.",
    });
  }
}

function knownAuthorities(): readonly string[] {
  const system = systemBundle() ?? tls.getCACertificates("system");
  return [...(system.length > 0 ? system : tls.getCACertificates("bundled")), ...tls.getCACertificates("extra")];
}

/** Reading the one file takes a fifth of the time that Node's own collecting takes, which is more than all else at start. */
function systemBundle(): readonly string[] | undefined {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directory } = process.env;
  if (process.platform !== "linux" || file || directory) {
    return undefined;
  }
  for (const bundle of systemBundles) {
    try {
      return [readFileSync(bundle, "utf8")];
    } catch {
      // Not on this system, or not readable: the next one may be.
    }
  }
  return undefined;
}
