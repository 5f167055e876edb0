import { CountersignError, type CatalogueEntry, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";
import type { RegistryErrorCode } from "./errorCodes.ts";

/** A catalogue entry that also says how the failure is answered on the wire. */
interface AnsweredEntry extends CatalogueEntry {
  readonly answer: RegistryErrorCode;
  /** The status of the answer where it is not the usual one of the code. */
  readonly status?: number;
}

/** Every way in which the registry refuses or fails. */
export const registryErrors = {
  REGISTRY_NAME_INVALID: {
    kind: "refused",
    answer: "NAME_INVALID",
    cause: "The path does not name a repository.",
    remedy: "Use small letters and digits, joined by single dots, underscores or dashes, and at most 255 characters.",
  },
  REGISTRY_NAME_UNKNOWN: {
    kind: "failed",
    answer: "NAME_UNKNOWN",
    cause: "Nothing was ever pushed to a repository of this name.",
    remedy: "Check the name, or push an image to it first.",
  },
  REGISTRY_TAG_INVALID: {
    kind: "refused",
    answer: "TAG_INVALID",
    cause: "The text is not a tag.",
    remedy: "Use up to 128 letters, digits, underscores, dots and dashes, not beginning with a dot or a dash.",
  },
  REGISTRY_DIGEST_INVALID: {
    kind: "refused",
    answer: "DIGEST_INVALID",
    cause: "The text is not a digest, or of an algorithm that this registry does not compute.",
    remedy: "Use sha256:<64 small hexadecimal digits>, or sha512 with 128.",
  },
  REGISTRY_DIGEST_MISMATCH: {
    kind: "refused",
    answer: "DIGEST_INVALID",
    cause: "The bytes that arrived do not have the digest they were sent under. Nothing was stored.",
    remedy: "Push again; if it happens again, the content was damaged before or while it was sent.",
  },
  REGISTRY_SIZE_INVALID: {
    kind: "refused",
    answer: "SIZE_INVALID",
    cause: "The length of the content is not the announced one.",
    remedy: "Send a Content-Length that fits the Content-Range.",
  },
  REGISTRY_BLOB_UNKNOWN: {
    kind: "failed",
    answer: "BLOB_UNKNOWN",
    cause: "The repository has no such blob.",
    remedy: "Check the digest; push the blob to this repository, or mount it from another one.",
  },
  REGISTRY_BLOB_RANGE: {
    kind: "failed",
    answer: "RANGE_INVALID",
    cause: "The blob has no bytes in the range that was asked for.",
    remedy: "Ask for a range within the size of the blob.",
  },
  REGISTRY_UPLOAD_UNKNOWN: {
    kind: "failed",
    answer: "BLOB_UPLOAD_UNKNOWN",
    cause: "The upload was finished, cancelled, idle for too long, or never begun.",
    remedy: "Ask whether the blob is there already; otherwise begin the upload anew.",
  },
  REGISTRY_UPLOAD_INVALID: {
    kind: "refused",
    answer: "BLOB_UPLOAD_INVALID",
    cause: "The request does not fit the protocol of uploads.",
    remedy: "Send chunks with Content-Range: <first>-<last>, or without it; see the specification.",
  },
  REGISTRY_UPLOAD_RANGE: {
    kind: "refused",
    answer: "RANGE_INVALID",
    cause: "The chunk does not begin where the upload ends so far.",
    remedy: "Ask the upload for its state and go on from there.",
  },
  REGISTRY_UPLOAD_BUSY: {
    kind: "refused",
    answer: "BLOB_UPLOAD_INVALID",
    status: 409,
    cause: "Another request is writing to the same upload.",
    remedy: "Wait until it has ended, ask the upload for its state, and go on from there.",
  },
  REGISTRY_UPLOAD_CUT: {
    kind: "failed",
    answer: "BLOB_UPLOAD_INVALID",
    status: 408,
    cause: "The connection ended or stood still in the middle of a body. What arrived is kept.",
    remedy: "Ask the upload for its state and go on from there.",
  },
  REGISTRY_TOO_MANY_UPLOADS: {
    kind: "failed",
    answer: "TOOMANYREQUESTS",
    cause: "As many uploads are open as the registry allows.",
    remedy: "Finish or cancel uploads that are open, or try again later.",
  },
  REGISTRY_BUSY: {
    kind: "failed",
    answer: "TOOMANYREQUESTS",
    cause: "More manifests are being received at once than the registry has memory for.",
    remedy: "Try again later.",
  },
  REGISTRY_MANIFEST_UNKNOWN: {
    kind: "failed",
    answer: "MANIFEST_UNKNOWN",
    cause: "The repository has no manifest of this tag or digest.",
    remedy: "Check the name; list the tags of the repository.",
  },
  REGISTRY_MANIFEST_INVALID: {
    kind: "refused",
    answer: "MANIFEST_INVALID",
    cause: "The document is not a manifest, is of another type than it was sent as, or can be read in two ways.",
    remedy: "Push with a current tool, under the media type that the document names.",
  },
  REGISTRY_MANIFEST_TOO_LARGE: {
    kind: "refused",
    answer: "MANIFEST_INVALID",
    status: 413,
    cause: "The manifest is larger than the registry takes.",
    remedy: "Put large content into blobs; a manifest only names it.",
  },
  REGISTRY_MANIFEST_BLOB_UNKNOWN: {
    kind: "refused",
    answer: "MANIFEST_BLOB_UNKNOWN",
    cause: "The manifest names blobs or manifests that the repository does not have. Nothing was stored.",
    remedy: "Push what is missing first, or copy all platforms of an image.",
  },
  REGISTRY_PAGE_INVALID: {
    kind: "refused",
    answer: "PAGINATION_NUMBER_INVALID",
    cause: "The number of entries asked for is not a number.",
    remedy: "Give n as a number that is not negative.",
  },
  REGISTRY_QUERY_INVALID: {
    kind: "refused",
    answer: "UNSUPPORTED",
    status: 400,
    cause: "A parameter of the request has a value that has no meaning, or is missing.",
    remedy: "Correct the parameter that the message names.",
  },
  REGISTRY_PATH_UNKNOWN: {
    kind: "failed",
    answer: "UNSUPPORTED",
    status: 404,
    cause: "The path is not part of the registry's interface.",
    remedy: "Check the address; see the OCI distribution specification for what there is.",
  },
  REGISTRY_METHOD: {
    kind: "refused",
    answer: "UNSUPPORTED",
    cause: "The path exists, but not with this method.",
    remedy: "Use one of the methods in the header Allow.",
  },
  REGISTRY_DELETION_DISABLED: {
    kind: "refused",
    answer: "UNSUPPORTED",
    cause: "The registry is configured to delete nothing.",
    remedy: "Have the operator allow deletion.",
  },
  REGISTRY_UNAUTHORIZED: {
    kind: "refused",
    answer: "UNAUTHORIZED",
    cause: "The request carries no proof that its sender may do this.",
    remedy: "Log in with an account that has the right on this repository.",
  },
  REGISTRY_UNSIGNED: {
    kind: "refused",
    answer: "DENIED",
    cause: "The repository serves only what is signed, and this content is not signed as the policy requires.",
    remedy: "Sign the image, or pull a tag that is signed.",
  },
  REGISTRY_TRUST_UNAVAILABLE: {
    kind: "unavailable",
    answer: "UNAVAILABLE",
    cause: "The repository serves only what is signed, and whether this content is could not be found out.",
    remedy: "Try again; the registry's log names the reason.",
  },
  REGISTRY_CONFIG: {
    kind: "usage",
    answer: "UNKNOWN",
    cause: "The registry's configuration has a value that is not allowed.",
    remedy: "Correct the value that the message names.",
  },
  REGISTRY_STORE_OPEN: {
    kind: "failed",
    answer: "UNAVAILABLE",
    cause: "The registry's storage cannot be opened: not writable, in use by another registry, or unsuitable.",
    remedy:
      "Check the directory's owner, permissions and file system, or the address and credentials of the S3 service.",
  },
  REGISTRY_STORE_CLOSED: {
    kind: "failed",
    answer: "UNAVAILABLE",
    cause: "The registry's storage has been closed; the registry is shutting down.",
    remedy: "Start the registry again.",
  },
  REGISTRY_STORE_READ: {
    kind: "failed",
    answer: "UNKNOWN",
    cause: "The registry's storage did not give what it holds.",
    remedy: "See the registry's log for the system's own message; check disk, permissions or the S3 service.",
  },
  REGISTRY_STORE_WRITE: {
    kind: "failed",
    answer: "UNKNOWN",
    cause: "The registry's storage did not take a change. Nothing was changed.",
    remedy: "See the registry's log for the system's own message; check disk, permissions or the S3 service.",
  },
  REGISTRY_STORE_FULL: {
    kind: "failed",
    answer: "UNAVAILABLE",
    cause: "The registry's storage is full. Nothing was changed.",
    remedy: "Free space, for example by garbage collection, or give the registry more; then push again.",
  },
  REGISTRY_STORE_CORRUPT: {
    kind: "failed",
    answer: "UNKNOWN",
    cause: "Stored bytes no longer have the digest they were stored under.",
    remedy: "Push the image again, which replaces them, and check the disk.",
  },
} as const satisfies ErrorCatalogue & Readonly<Record<string, AnsweredEntry>>;

export type RegistryCode = keyof typeof registryErrors;

export interface RegistryErrorOptions extends ErrorOptions {
  /** The `detail` of the answer; undefined leaves the member out. */
  readonly detail?: unknown;
  /** Headers the answer needs beside the envelope, names and values in turn. */
  readonly headers?: readonly string[] | undefined;
  /** The digests that the failure is about; each becomes an entry of the envelope. */
  readonly digests?: readonly string[] | undefined;
}

/** A failure of the registry. Its message is what clients see, except when the registry itself is at fault. */
export class RegistryError extends CountersignError {
  declare readonly code: RegistryCode;
  readonly answer: RegistryErrorCode;
  /** Undefined: the usual one of `answer`. */
  readonly status: number | undefined;
  readonly detail: unknown;
  readonly headers: readonly string[];
  readonly digests: readonly string[];

  constructor(code: RegistryCode, message: string, options: RegistryErrorOptions = {}) {
    const entry: AnsweredEntry = registryErrors[code];
    super(code, entry, message, options);
    this.answer = entry.answer;
    this.status = entry.status;
    this.detail = options.detail;
    this.headers = options.headers ?? [];
    this.digests = options.digests ?? [];
  }
}
