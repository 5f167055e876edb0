import { digestHex } from "../tuf/crypto.ts";
import { ServerError } from "./errors.ts";
import type { NewFile, StoredFile } from "./store.ts";

/** A new file as it will be stored, with its checksum. */
export function storedFile(gun: string, file: NewFile, now: Date): StoredFile {
  const { role, version, bytes } = file;
  const sha256 = file.sha256 ?? digestHex("sha256", bytes);
  return { gun, role, version, bytes, sha256, createdAt: now };
}

/** The refusal of a version that is not above what is stored (`highest`, if anything is). */
export function versionConflict(file: StoredFile, highest: number | undefined): ServerError {
  const message = `${file.role} of ${file.gun} has version ${highest ?? "none"} here, and ${file.version} was to be stored`;
  return new ServerError("SERVER_VERSION", message, { detail: {} });
}
