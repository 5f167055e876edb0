/**
 * The error codes of the wire with the status of their answers: distribution-spec, "Error Codes", and below the line those that
 * distribution added. Statuses are distribution's, where the specification leaves them open.
 */
export const registryErrorCodes = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  // Distribution's own.
  TAG_INVALID: 400,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
} as const;

export type RegistryErrorCode = keyof typeof registryErrorCodes;

/** One entry of the envelope. `message` and `detail` are for people; clients decide on `code` and the status. */
export interface ErrorEntry {
  readonly code: RegistryErrorCode;
  readonly message: string;
  readonly detail?: unknown;
}

/** The body of an error answer. */
export function encodeErrors(errors: readonly ErrorEntry[]): string {
  return JSON.stringify({ errors });
}
