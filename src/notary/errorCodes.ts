import { NotaryError, type ServerReason, type ValidationName } from "./errors.ts";

/** The codes a trust server answers with, their status and text, exactly as Notary 0.7 has them. */
export const serverErrorCodes = {
  NO_STORAGE: { status: 500, message: "The server is misconfigured and has no storage." },
  NO_CRYPTOSERVICE: { status: 500, message: "The server does not have a signing service configured." },
  NO_KEYALGORITHM: { status: 500, message: "The server does not have a key algorithm configured." },
  NO_FILENAME: { status: 400, message: "No file/role name provided." },
  INVALID_ROLE: { status: 400, message: "The role you are attempting to operate on is invalid." },
  MALFORMED_JSON: { status: 400, message: "JSON sent by the client could not be parsed by the server" },
  MALFORMED_UPLOAD: { status: 400, message: "The body of your request is malformed." },
  INVALID_UPDATE: { status: 400, message: "Update sent by the client is invalid." },
  VERSION: { status: 400, message: "A newer version of metadata is already available." },
  UPDATING: { status: 500, message: "An error has occurred while updating the TUF repository." },
  METADATA_NOT_FOUND: { status: 404, message: "You have requested metadata that does not exist." },
  GENERIC_NOT_FOUND: { status: 404, message: "You have requested a resource that does not exist." },
  INVALID_GUN: { status: 400, message: "The server does not support actions on images of this name." },
  INVALID_PARAMETERS: { status: 400, message: "The parameters provided are not valid." },
  UNAUTHORIZED: { status: 401, message: "authentication required" },
  UNKNOWN: { status: 500, message: "unknown error" },
} as const satisfies Readonly<Record<string, { status: number; message: string }>>;

export type ServerErrorCode = keyof typeof serverErrorCodes;

/** The content type of every error envelope. */
export const errorContentType = "application/json; charset=utf-8";

/** The most of an error body that clients read, in bytes. A longer one loses its reason. */
export const errorBodyLimit = 1024;

/** A request that breaks the protocol, with what the server has to answer. Raised by the decoders of this room. */
export class ProtocolError extends NotaryError {
  readonly answer: ServerErrorCode;
  /** The envelope's `detail`; undefined leaves the member out. */
  readonly detail: unknown;

  constructor(answer: ServerErrorCode, options: { detail?: unknown; cause?: unknown; hint?: string } = {}) {
    const { status, message } = serverErrorCodes[answer];
    super("NOTARY_PROTOCOL", message, { status, hint: options.hint, cause: options.cause });
    this.answer = answer;
    this.detail = options.detail;
  }
}

/** The body of an error answer: one code in Notary's envelope, ended by a newline. `detail` undefined is left out. */
export function encodeErrorBody(code: ServerErrorCode, detail?: unknown): string {
  const { message } = serverErrorCodes[code];
  return `${escapeForGo(JSON.stringify({ errors: [{ code, message, detail }] }))}\n`;
}

/** Writes `< > &` and the line separators as Go's encoder does, so that bodies are equal byte for byte. */
function escapeForGo(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** What each kind of validation error is called before its message, by Notary's client. */
const validationPrefixes = {
  ErrValidation: "An error occurred during validation: ",
  ErrBadHierarchy: "Metadata hierarchy is incomplete: ",
  ErrBadRoot: "The root metadata is invalid: ",
  ErrBadTargets: "The targets metadata is invalid: ",
  ErrBadSnapshot: "The snapshot metadata is invalid: ",
} as const satisfies Readonly<Record<ValidationName, string>>;

/** The `detail` of INVALID_UPDATE that clients understand; the hierarchy error also names what is missing. */
export function validationDetail(name: ValidationName, message: string): object {
  return { Name: name, Error: name === "ErrBadHierarchy" ? { Missing: "snapshot", Msg: message } : { Msg: message } };
}

/** The sentence Notary's client prints for a validation error. */
export function validationText(reason: ServerReason): string {
  return `${validationPrefixes[reason.name]}${reason.message}`;
}

/**
 * Reads why a server answered 400, by the rules of Notary's client: the first 1024 bytes must hold the whole envelope with
 * exactly one error, whose detail has one of the five validation names. Undefined for everything else.
 */
export function decodeErrorBody(body: Uint8Array): ServerReason | undefined {
  const errors = member(parse(body.subarray(0, errorBodyLimit)), "errors");
  if (!Array.isArray(errors) || errors.length !== 1) {
    return undefined;
  }
  const detail = member(errors[0], "detail");
  const name = member(detail, "Name");
  const error = member(detail, "Error") ?? {};
  const message = member(error, "Msg") ?? "";
  if (!isValidationName(name) || typeof error !== "object" || typeof message !== "string") {
    return undefined;
  }
  return { name, message };
}

function isValidationName(name: unknown): name is ValidationName {
  return typeof name === "string" && Object.hasOwn(validationPrefixes, name);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Not JSON, or cut at the limit: the caller then reports a rejection without a reason.
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
    return undefined;
  }
  const found: unknown = Reflect.get(value, name);
  return found;
}
