import { getSystemErrorMessage } from "node:util";
import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which the custody of private keys fails. Codes are stable; texts may improve. */
export const keysErrors = {
  KEYS_NOT_FOUND: {
    kind: "failed",
    cause: "No private key with this ID is held here.",
    remedy: "Import the key, or use the machine that holds it.",
  },
  KEYS_INVALID_ID: {
    kind: "usage",
    cause: "A key ID is not 64 lower-case hexadecimal digits.",
    remedy: "Copy the whole key ID from the list of keys.",
  },
  KEYS_ID_MISMATCH: {
    kind: "failed",
    cause: "A key file holds another key than the one it is named after.",
    remedy: "Export the right key from its backup; remove the misnamed file.",
  },
  KEYS_MALFORMED: {
    kind: "failed",
    cause: "A key file is not a PEM private key, or its content is damaged.",
    remedy: "Restore the file from its backup.",
  },
  KEYS_UNSUPPORTED: {
    kind: "failed",
    cause: "The key, its curve or its encryption is of a kind that cannot be used here.",
    remedy: "Use an ECDSA P-256, Ed25519 or RSA key of at least 2048 bits, encrypted with AES-256-CBC.",
  },
  KEYS_UNREADABLE: {
    kind: "failed",
    cause: "A key file or directory cannot be read or written.",
    remedy: "Check that it exists, that it belongs to you, and that the disk is neither full nor read-only.",
  },
  KEYS_FILE_PERMISSIONS: {
    kind: "failed",
    cause: "Other users of this machine may read or change a file that holds a secret.",
    remedy: "Make it private (chmod 600), and replace the secret if others may have seen it.",
  },
  KEYS_PASSPHRASE_WRONG: {
    kind: "failed",
    cause: "No passphrase given opens the key.",
    remedy: "Check the passphrase, or the variable or file it comes from.",
  },
  KEYS_PASSPHRASE_ATTEMPTS: {
    kind: "failed",
    cause: "No usable passphrase was given in the attempts allowed.",
    remedy: "Give the passphrase on a terminal, in the environment or in a file.",
  },
  KEYS_PASSPHRASE_SHORT: {
    kind: "usage",
    cause: "A new passphrase has fewer than 8 characters.",
    remedy: "Choose a longer one, best made by a password manager.",
  },
  KEYS_PASSPHRASES_DIFFER: {
    kind: "usage",
    cause: "The repetition of a new passphrase is different from it.",
    remedy: "Type the same passphrase twice.",
  },
  KEYS_ROOT_NOT_ENCRYPTED: {
    kind: "failed",
    cause: "A root key in clear was to be taken in.",
    remedy: "Encrypt it first: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1.",
  },
  KEYS_IMPORT: {
    kind: "failed",
    cause: "None of the keys in the file could be imported.",
    remedy: "Give role and GUN of the keys; an encrypted key needs the `path` header of an export or its passphrase.",
  },
  KEYS_PUBLIC_KEY_FILE: {
    kind: "failed",
    cause: "A file given as public key is not one that can be used for signing roles.",
    remedy: "Use a PEM file with a CERTIFICATE or a PUBLIC KEY, ECDSA or RSA.",
  },
  KEYS_BACKUP_MALFORMED: {
    kind: "failed",
    cause: "A file is no key backup, was cut short, or was written by a newer version.",
    remedy: "Name the file that countersign key backup wrote, or take another copy of it.",
  },
  KEYS_BACKUP_CONFLICT: {
    kind: "failed",
    cause: "A key of the backup is here in a file with other content, most likely under another passphrase.",
    remedy: "Move the files named in the message away, or restore into another directory with --trust-dir.",
  },
  KEYS_NAME_MISMATCH: {
    kind: "failed",
    cause: "A certificate and a private key that should belong together do not.",
    remedy: "Use the certificate that was made for this key.",
  },
  KEYS_CUSTODY_CONFIG: {
    kind: "usage",
    cause: "The file that says where keys are kept has a wrong entry, cannot be read, or may be changed by others.",
    remedy: "Correct the entry named in the message; docs/keys.md describes the file.",
  },
  KEYS_CUSTODY_UNREACHABLE: {
    kind: "unavailable",
    cause: "A place where keys are kept, which the configuration names, cannot be asked for them.",
    remedy: "Plug the token in, or see why the program or its service does not answer; then do it again.",
  },
  KEYS_COMMAND: {
    kind: "failed",
    cause: "A program that holds keys refused to sign, or did not answer by the protocol.",
    remedy: "See its own message; the protocol is in docs/keys.md.",
  },
  KEYS_TOKEN: {
    kind: "failed",
    cause: "A token failed at what it was asked for, or was removed meanwhile. Nothing was published.",
    remedy: "Plug the token in again and repeat the command; if it fails again, see what its module logs.",
  },
  KEYS_PIN: {
    kind: "failed",
    cause:
      "A token's PIN is wrong, missing or locked. It is tried once only, since tokens lock after a few wrong ones.",
    remedy:
      "Check the PIN, or the variable or file it comes from, and repeat the command. A locked token needs its PUK or SO PIN.",
  },
  KEYS_BAD_SIGNATURE: {
    kind: "failed",
    cause: "What a token or program gave as a signature is none of the key it was asked for. Nothing was published.",
    remedy: "Check that the private key belongs to the public key listed with it.",
  },
  KEYS_ALGORITHM: {
    kind: "usage",
    cause: "The signing service does not make keys of this algorithm.",
    remedy: "Use ecdsa or ed25519.",
  },
  KEYS_EMPTY_ID: {
    kind: "usage",
    cause: "The signing service was asked for a key without an ID.",
    remedy: "Name the key. This is a fault of the calling program.",
  },
} as const satisfies ErrorCatalogue;

export type KeysCode = keyof typeof keysErrors;

/** A failure in the custody of private keys. `message` is Notary's text where Notary has one; it never holds a secret. */
export class KeysError extends CountersignError {
  declare readonly code: KeysCode;

  constructor(code: KeysCode, message: string, options: ErrorOptions = {}) {
    super(code, keysErrors[code], message, options);
  }
}

/** Notary's sentence for a key that no passphrase opened. */
export function wrongPassphrase(options: ErrorOptions = {}): KeysError {
  return new KeysError("KEYS_PASSPHRASE_WRONG", "password invalid, operation has failed.", options);
}

/** KEYS_UNREADABLE in the form the originals print: `open PATH: no such file or directory`. */
export function fileError(operation: string, path: string, cause: unknown): KeysError {
  const errno = isSystemError(cause) ? cause.errno : undefined;
  const reason = errno === undefined ? messageOf(cause) : getSystemErrorMessage(errno);
  return new KeysError("KEYS_UNREADABLE", `${operation} ${path}: ${reason}`, { cause });
}

/** Whether an error of the file system says that something is not there. */
export function isMissing(error: unknown): boolean {
  return isSystemError(error) && error.code === "ENOENT";
}

/** The message of something caught. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "errno" in error;
}
