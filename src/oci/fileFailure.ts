import { CountersignError } from "../tuf/error.ts";
import { OciError } from "./errors.ts";

/** Runs an action on files. @throws OciError OCI_FILE naming `path` for what the system refuses */
export async function inFiles<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof CountersignError || (cause instanceof Error && cause.name === "AbortError")) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OciError("OCI_FILE", `cannot write ${path}: ${reason}`, { cause });
  }
}
