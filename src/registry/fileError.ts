import { RegistryError, type RegistryCode } from "./errors.ts";

/** What the system's codes mean to an operator. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file system takes no file of this size",
  EIO: "the disk reports an error",
  EMFILE: "the process has too many files open",
  ENFILE: "the system has too many files open",
  ENOSPC: "the disk is full",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  EXDEV: "the directory is spread over several file systems",
};
const full: ReadonlySet<string> = new Set(["EDQUOT", "ENOSPC"]);
const absent: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

/** Whether the error only says that there is no such file or directory. */
export function isAbsent(error: unknown): boolean {
  return absent.has(codeOf(error));
}

/** A system call that failed while reading, as an error of the store. Errors of ours stay what they are. */
export function readError(cause: unknown): RegistryError {
  return fileError("REGISTRY_STORE_READ", "cannot read what is stored", cause);
}

/** Likewise while writing. */
export function writeError(cause: unknown): RegistryError {
  const code = full.has(codeOf(cause)) ? "REGISTRY_STORE_FULL" : "REGISTRY_STORE_WRITE";
  return fileError(code, "cannot store", cause);
}

/** Likewise while the store was opened. */
export function openError(directory: string, cause: unknown): RegistryError {
  return fileError("REGISTRY_STORE_OPEN", `cannot use the directory ${directory}`, cause);
}

function fileError(code: RegistryCode, what: string, cause: unknown): RegistryError {
  if (cause instanceof RegistryError) {
    return cause;
  }
  const reason = reasons[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
  return new RegistryError(code, `${what}: ${reason}`, { cause });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
