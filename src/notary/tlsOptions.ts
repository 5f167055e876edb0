import tls from "node:tls";
import { NotaryError } from "./errors.ts";

export interface ClientCertificate {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
}

export interface TlsOptions {
  /** PEM texts of certificate authorities trusted in addition to the system's. */
  readonly ca?: readonly string[];
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Accept any certificate. Only for those who were told to: there is no protection against a wrong server then. */
  readonly insecureSkipVerify?: boolean;
}

/** Trusts what the system trusts (Node's own list where there is none), NODE_EXTRA_CA_CERTS, and the given authorities. */
export function secureContext({ ca = [], clientCertificates = [], insecureSkipVerify }: TlsOptions): tls.SecureContext {
  const system = insecureSkipVerify === true ? [] : tls.getCACertificates("system");
  const known = system.length > 0 || insecureSkipVerify === true ? system : tls.getCACertificates("bundled");
  try {
    return tls.createSecureContext({
      ca: [...new Set([...known, ...tls.getCACertificates("extra"), ...ca])],
      cert: clientCertificates.map(({ cert }) => cert),
      key: clientCertificates.map(({ key }) => key),
    });
  } catch (cause) {
    throw new NotaryError("NOTARY_TLS", `tls: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: "A certificate or key file given for the connection to the trust server cannot be used.",
    });
  }
}
