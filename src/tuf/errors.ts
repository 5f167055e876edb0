import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "./error.ts";

/** Every way in which the rules refuse something. Codes are stable; texts may improve. */
export const tufErrors = {
  TUF_JSON: {
    kind: "refused",
    cause: "The file is not the strict JSON that signed metadata must be.",
    remedy: "Fetch the file again; if it stays broken, its publisher has to publish it anew.",
  },
  TUF_MALFORMED: {
    kind: "refused",
    cause: "The JSON is well formed, but a member is missing, has the wrong type or an impossible value.",
    remedy: "Have the metadata re-signed with a maintained tool.",
  },
  TUF_TOO_LARGE: {
    kind: "refused",
    cause: "A file, a list or a nesting is larger than the limit for it.",
    remedy: "Check that the server is the expected one; raise the limit only if the size is really wanted.",
  },
  TUF_UNENCODABLE: {
    kind: "usage",
    cause:
      "A value cannot be written as metadata: a fraction, an unsafe integer, a control character or broken Unicode.",
    remedy: "Use another name or value.",
  },
  TUF_NO_SIGNATURES: {
    kind: "refused",
    cause: "The file carries no signature at all.",
    remedy: "Have the role signed by its key holders.",
  },
  TUF_THRESHOLD: {
    kind: "refused",
    cause: "Too few distinct keys of the role made a valid signature.",
    remedy:
      "Have the role signed by enough of its key holders; if you did not expect this, the file may have been tampered with.",
  },
  TUF_KEY_ID: {
    kind: "refused",
    cause: "A key is filed under an ID that is not the hash of its content.",
    remedy: "Treat the file as tampered with; the role that lists the key has to be signed anew.",
  },
  TUF_DER: {
    kind: "refused",
    cause: "Bytes that should be ASN.1 in DER, a key or a certificate, are not, or hold something else.",
    remedy: "Export the key or certificate again.",
  },
  TUF_CERTIFICATE: {
    kind: "refused",
    cause: "A certificate cannot be read or breaks a rule for certificates.",
    remedy: "Use a certificate of your own, unexpired, not signed with SHA-1, with a strong key.",
  },
  TUF_EXPIRED: {
    kind: "refused",
    cause: "The metadata is past its expiry: nobody vouches for it any longer.",
    remedy: "Have the role signed anew by its key holders; check the clock of this machine.",
  },
  TUF_ROLLBACK: {
    kind: "refused",
    cause: "The file is older than one that was already seen.",
    remedy: "Do not use this server's answer until its operator has explained the step back.",
  },
  TUF_SAME_VERSION: {
    kind: "refused",
    cause: "The file has the version of one that was already seen, but other content.",
    remedy: "Do not use this server's answer: two files of one version are never both right. Ask the publisher.",
  },
  TUF_VERSION: {
    kind: "refused",
    cause: "The version of the file is not the one that had to follow.",
    remedy: "Publish the next version; roots go up by exactly one.",
  },
  TUF_CHECKSUM: {
    kind: "refused",
    cause: "The content does not have the hash that the signed metadata gives for it.",
    remedy: "Fetch it again; if it stays different, the server serves files that do not belong together.",
  },
  TUF_LENGTH: {
    kind: "refused",
    cause: "The content does not have the length that the signed metadata gives for it.",
    remedy: "Fetch it again; if it stays different, the server serves files that do not belong together.",
  },
  TUF_ROOT_CERTIFICATE: {
    kind: "refused",
    cause: "No certificate of the root makes it a trusted one for this collection.",
    remedy: "Compare the root's key IDs with the owner's by another channel, then pin them.",
  },
  TUF_ROOT_ROTATION: {
    kind: "refused",
    cause: "A new root is not signed by the keys of the root trusted so far.",
    remedy:
      "Ask the owner whether the collection was created anew; if so, remove its local trust data and pin the new root.",
  },
  TUF_INVALID_ROLE: {
    kind: "refused",
    cause: "The name is not that of a role, or nobody delegates to that role.",
    remedy: "Use root, targets, snapshot, timestamp, or targets/<name> with small letters, digits, - and _.",
  },
  TUF_NOT_IN_SNAPSHOT: {
    kind: "refused",
    cause: "The signed snapshot (or timestamp) says nothing about the file.",
    remedy: "Have the collection published again so that its snapshot lists all its roles.",
  },
  TUF_NOT_LOADED: {
    kind: "failed",
    cause: "A step needs metadata that has not been loaded yet.",
    remedy: "Load root, timestamp, snapshot and targets in this order.",
  },
  TUF_NO_SUCH_TARGET: {
    kind: "refused",
    cause: "No role that may speak for the name has signed it.",
    remedy: "Check the spelling of the name, or have it signed.",
  },
  TUF_NO_SIGNING_KEY: {
    kind: "failed",
    cause: "Too few private keys of the role are at hand to sign it.",
    remedy: "Import the role's private key, or ask a key holder to sign.",
  },
  TUF_INVALID_EDIT: {
    kind: "usage",
    cause: "The change asked for does not fit the collection.",
    remedy: "List the collection's roles and targets, then change what is there.",
  },
} as const satisfies ErrorCatalogue;

export type TufCode = keyof typeof tufErrors;

export interface TufErrorOptions extends ErrorOptions {
  /** The role whose file was being judged. */
  readonly role?: string | undefined;
}

/** A refusal by the rules. `message` is Notary's text where Notary has one. */
export class TufError extends CountersignError {
  declare readonly code: TufCode;
  readonly role: string | undefined;

  constructor(code: TufCode, message: string, options: TufErrorOptions = {}) {
    super(code, tufErrors[code], message, options);
    this.role = options.role;
  }
}
