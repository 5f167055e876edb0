/**
 * What went wrong, seen from the caller's side. The kind decides the exit code of the native commands:
 * `refused` (checked, and not trustworthy) 3, `unavailable` (could not decide) 4, `usage` 2, `failed` 1.
 */
export type ErrorKind = "refused" | "unavailable" | "usage" | "failed";

/** One documented error code: why it happens, and what a person does about it. */
export interface CatalogueEntry {
  readonly kind: ErrorKind;
  readonly cause: string;
  readonly remedy: string;
}

/** All codes of one room. `docs/reference/errors.md` is compared with these by a test. */
export type ErrorCatalogue = Readonly<Record<string, CatalogueEntry>>;

export interface ErrorOptions {
  /** What to do next in this very case; the catalogue's remedy when absent. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Messages and hints quote what was read, which may be a name of megabytes. In characters. */
const longestText = 16 * 1024;

function shorten(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText).toWellFormed()}…`;
}

/** The base of every error this product raises on purpose. */
export class CountersignError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string;

  constructor(code: string, entry: CatalogueEntry, message: string, options: ErrorOptions = {}) {
    super(shorten(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.kind = entry.kind;
    this.hint = shorten(options.hint ?? entry.remedy);
  }
}
