import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which the registry refuses or fails. */
export const registryErrors = {
  REGISTRY_NAME_INVALID: {
    kind: "refused",
    cause: "The text is not the name of a repository.",
    remedy: "Use small letters, digits and single separators in components joined by slashes, 255 characters at most.",
  },
  REGISTRY_TAG_INVALID: {
    kind: "refused",
    cause: "The text is not a tag.",
    remedy: "Use up to 128 letters, digits, dots, dashes and underscores, not beginning with a dot or a dash.",
  },
  REGISTRY_DIGEST_INVALID: {
    kind: "refused",
    cause: "The text is not a digest of an algorithm that the registry knows.",
    remedy: "Write sha256: or sha512: and the lower-case hexadecimal digest.",
  },
  REGISTRY_DIGEST_MISMATCH: {
    kind: "refused",
    cause: "The bytes received do not have the digest they were announced with.",
    remedy: "Push again; if it repeats, something between client and registry changes what is sent.",
  },
  REGISTRY_UPLOAD_BUSY: {
    kind: "refused",
    cause: "Another request is writing to this upload.",
    remedy: "Wait until the other request has ended, ask for the upload's state, and go on from there.",
  },
  REGISTRY_TOO_MANY_UPLOADS: {
    kind: "refused",
    cause: "As many uploads are unfinished as the registry keeps at a time.",
    remedy: "Try again later; have the operator raise the limit if pushes are really that many.",
  },
  REGISTRY_MANIFEST_BLOB_UNKNOWN: {
    kind: "refused",
    cause: "The manifest names blobs or manifests that are not in its repository.",
    remedy: "Push what the error lists, then the manifest.",
  },
  // What the stores report.
  REGISTRY_STORE_OPEN: {
    kind: "failed",
    cause: "The registry's storage cannot be opened: not writable, in use by another registry, or unsuitable.",
    remedy:
      "Check the directory's owner, permissions and file system, or the address and credentials of the S3 service.",
  },
  REGISTRY_STORE_CLOSED: {
    kind: "failed",
    cause: "The registry's storage has been closed; the registry is shutting down.",
    remedy: "Start the registry again.",
  },
  REGISTRY_STORE_READ: {
    kind: "failed",
    cause: "The registry's storage did not give what it holds.",
    remedy: "See the registry's log for the system's own message; check disk, permissions or the S3 service.",
  },
  REGISTRY_STORE_WRITE: {
    kind: "failed",
    cause: "The registry's storage did not take a change. Nothing was changed.",
    remedy: "See the registry's log for the system's own message; check disk, permissions or the S3 service.",
  },
  REGISTRY_STORE_FULL: {
    kind: "failed",
    cause: "The registry's storage is full. Nothing was changed.",
    remedy: "Free space, for example by garbage collection, or give the registry more; then push again.",
  },
  REGISTRY_STORE_CORRUPT: {
    kind: "failed",
    cause: "Stored bytes no longer have the digest they were stored under.",
    remedy: "Push the image again, which replaces them, and check the disk.",
  },
} as const satisfies ErrorCatalogue;

export type RegistryCode = keyof typeof registryErrors;

export interface RegistryErrorOptions extends ErrorOptions {
  /** What a manifest names and its repository lacks. */
  readonly digests?: readonly string[] | undefined;
}

/** A refusal or failure of the registry. */
export class RegistryError extends CountersignError {
  declare readonly code: RegistryCode;
  /** With REGISTRY_MANIFEST_BLOB_UNKNOWN: all digests that are missing. */
  readonly digests: readonly string[];

  constructor(code: RegistryCode, message: string, options: RegistryErrorOptions = {}) {
    super(code, registryErrors[code], message, options);
    this.digests = options.digests ?? [];
  }
}
