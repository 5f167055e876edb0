import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Internal failures of the signing service. What its callers ask wrongly is in the catalogue of `keys`. */
export const signerErrors = {
  SIGNER_ALIAS: {
    kind: "failed",
    cause: "The passphrase of an alias named by a stored key, or by the configuration, is not set.",
    remedy: "Set NOTARY_SIGNER_<ALIAS> to the passphrase of that alias, for all aliases ever used.",
  },
  SIGNER_UNDECRYPTABLE: {
    kind: "failed",
    cause: "A stored private key does not open with the passphrase of its alias.",
    remedy: "Set the alias to the passphrase that was in use when the key was made.",
  },
  SIGNER_MALFORMED: {
    kind: "failed",
    cause: "A stored private key is damaged or encrypted in a way the signing service does not use.",
    remedy: "Restore the key's row from a backup.",
  },
  SIGNER_TABLE: {
    kind: "failed",
    cause: "The table of private keys cannot be read or written.",
    remedy: "Check that the database is there, writable, not full, and not locked by another program.",
  },
  SIGNER_CLOSED: {
    kind: "failed",
    cause: "The signing service was asked for something after it was closed.",
    remedy: "Start it again. This is a fault of the calling program.",
  },
} as const satisfies ErrorCatalogue;

export type SignerCode = keyof typeof signerErrors;

/** An internal failure of the signing service; `message` never holds a secret. */
export class SignerError extends CountersignError {
  declare readonly code: SignerCode;

  constructor(code: SignerCode, message: string, options: ErrorOptions = {}) {
    super(code, signerErrors[code], message, options);
  }
}
