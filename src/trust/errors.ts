import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which deciding about trust, or changing a collection, fails on this side of the wire. */
export const trustErrors = {
  TRUST_GUN: {
    kind: "usage",
    cause: "The name cannot be that of a collection: it is empty, absolute, too long, or has empty or dot segments.",
    remedy: "Use a name such as registry.example/team/app, without a tag.",
  },
  TRUST_SERVER_URL: {
    kind: "usage",
    cause: "The trust server is not given as an https address.",
    remedy: "Set DOCKER_CONTENT_TRUST_SERVER to https://host[:port], or unset it.",
  },
  TRUST_PIN_FORMAT: {
    kind: "usage",
    cause: "The trust pinning configuration is not of the expected form.",
    remedy: 'Write {"disable_tofu": bool, "certs": {GUN: [key ID, …]}, "ca": {GUN prefix: file}}.',
  },
  TRUST_PIN: {
    kind: "refused",
    cause: "The root of the collection is not one that a pin allows.",
    remedy: "Compare the root's key IDs with the owner's by another channel, then pin them.",
  },
  TRUST_NO_DATA: {
    kind: "refused",
    cause: "The trust server knows nothing about the collection: nothing in it is signed.",
    remedy: "Check the spelling of the name and the trust server; have the image signed.",
  },
  TRUST_EXISTS: {
    kind: "failed",
    cause: "A collection was to be begun that the trust server has already.",
    remedy: "Sign in it (countersign sign), or begin one under another name.",
  },
  TRUST_NO_TARGET: {
    kind: "refused",
    cause: "The collection is sound, but nobody allowed to has signed this name.",
    remedy: "List what is signed (countersign inspect); have the tag signed.",
  },
  TRUST_DIGEST: {
    kind: "usage",
    cause: "Images are signed by the sha256 digest of their manifest; this one was named by another.",
    remedy: "Name the image by its tag, or by its sha256 digest.",
  },
  TRUST_UNRELEASED: {
    kind: "refused",
    cause: "The tag is signed, but neither by the role targets/releases nor by the role targets.",
    remedy: "Have a signer of the releases role sign the tag.",
  },
  TRUST_SIGNERS: {
    kind: "refused",
    cause: "The tag is signed, but not by all of the signers that the policy names.",
    remedy: "Have the named signers sign the very same digest.",
  },
  TRUST_EQUIVOCATION: {
    kind: "refused",
    cause: "The trust server shows other content under a version number that was already seen.",
    remedy:
      "Do not use this server's answers until its operator has explained how one version came to have two contents.",
  },
  TRUST_CACHE_CORRUPT: {
    kind: "unavailable",
    cause:
      "The cached root, on which all trust in the collection rests on this machine, is damaged and nothing verified replaces it.",
    remedy:
      "Restore the file from a backup, pin the root, or remove the collection's local data to begin anew: countersign notary -d DIR delete GUN, DIR being ~/.docker/trust or ~/.notary.",
  },
  TRUST_STATE_CORRUPT: {
    kind: "unavailable",
    cause: "The record of versions seen is damaged, so a step back could not be noticed.",
    remedy: "Restore the file from a backup; remove it only if you accept whatever the trust server shows next.",
  },
  TRUST_DIRECTORY: {
    kind: "failed",
    cause: "A file or directory with trust data cannot be read or written.",
    remedy: "Check that it belongs to you, and that the disk is neither full nor read-only.",
  },
  TRUST_CHANGE: {
    kind: "failed",
    cause: "A staged change cannot be read or makes no sense.",
    remedy: "Remove it (notary reset), then stage the change again.",
  },
  TRUST_ROOT_LINK: {
    kind: "refused",
    cause: "The root remembered from earlier runs cannot be had again, so nothing links the new root to it.",
    remedy:
      "Ask the owner whether the collection was created anew; if so, remove its local data (countersign notary -d ~/.docker/trust delete GUN) and pin the new root.",
  },
  TRUST_KEY_NOT_FOUND: {
    kind: "failed",
    cause: "The private key for this step is not on this machine.",
    remedy: "Import the key (notary key import), or work where it is kept.",
  },
  TRUST_KEY_MISMATCH: {
    kind: "failed",
    cause: "The root certificate and the root key do not belong together.",
    remedy: "Give the certificate that was made for the key.",
  },
  TRUST_ROTATION: {
    kind: "usage",
    cause: "The key of this role cannot be managed on that side.",
    remedy: "The server may manage snapshot and timestamp; root, targets and snapshot may be managed here.",
  },
  TRUST_PUBLISH_CONFLICT: {
    kind: "failed",
    cause: "Others kept publishing to the collection at the same time.",
    remedy: "Publish again; the staged changes are kept.",
  },
  TRUST_CEREMONY_FILE: {
    kind: "refused",
    cause: "The file of a ceremony is too large, cut short, of another format, damaged, or was edited on the way.",
    remedy: "Take the file anew from whoever had it last; if it stays so, have the ceremony started again.",
  },
  TRUST_CEREMONY_PROPOSAL: {
    kind: "refused",
    cause: "What a ceremony proposes does not follow from the collection it names, or breaks a rule of collections.",
    remedy: "Do not sign. Ask who started the ceremony, and start it again from the collection as it is now.",
  },
  TRUST_CEREMONY_EXPIRED: {
    kind: "refused",
    cause: "The time within which a ceremony could be signed and published is over.",
    remedy: "Start it again (countersign ceremony start), with --valid-days for more time.",
  },
  TRUST_CEREMONY_SIGNATURE: {
    kind: "refused",
    cause: "The file of a ceremony holds a signature by a key that has no part in it, or one over other bytes.",
    remedy: "Somebody has edited the file. Take a copy from before, or start the ceremony again.",
  },
  TRUST_CEREMONY_DIGEST: {
    kind: "refused",
    cause: "What a ceremony proposes is not what was agreed to.",
    remedy: "Compare the digest with the others who sign, by another channel, before anybody signs.",
  },
  TRUST_CEREMONY_CHANGE: {
    kind: "usage",
    cause: "A change that a ceremony should propose does not fit the collection.",
    remedy:
      "See what is there (countersign notary list, countersign notary delegation list), then ask for another change.",
  },
  TRUST_CEREMONY_INCOMPLETE: {
    kind: "failed",
    cause: "A ceremony was to be finished before enough keys had signed.",
    remedy: "See who is missing (countersign ceremony status FILE), and have them sign.",
  },
  TRUST_CEREMONY_MOVED_ON: {
    kind: "refused",
    cause: "The collection is no longer the one that a ceremony was signed for.",
    remedy: "Start the ceremony again: what was signed is never put on top of a state that nobody who signed has seen.",
  },
} as const satisfies ErrorCatalogue;

export type TrustCode = keyof typeof trustErrors;

export interface TrustErrorOptions extends ErrorOptions {
  /** The file or directory the error is about. */
  readonly path?: string | undefined;
  /** The role whose file was being judged. */
  readonly role?: string | undefined;
}

/** A refusal or failure on the client's side of trust. `message` is Notary's or Docker's text where they have one. */
export class TrustError extends CountersignError {
  declare readonly code: TrustCode;
  readonly path: string | undefined;
  readonly role: string | undefined;

  constructor(code: TrustCode, message: string, options: TrustErrorOptions = {}) {
    super(code, trustErrors[code], message, options);
    this.path = options.path;
    this.role = options.role;
  }
}

/** Runs a file operation; whatever the file system says becomes TRUST_DIRECTORY with the path. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CountersignError) {
      throw error;
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new TrustError("TRUST_DIRECTORY", `cannot use ${path}: ${reason}`, { path, cause: error });
  }
}

/** Whether a file operation failed because there is no such file or directory. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
