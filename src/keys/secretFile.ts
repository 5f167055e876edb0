import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { fileError, isMissing, KeysError } from "./errors.ts";

/** No key or passphrase file comes near this size; larger ones are some other file. In bytes. */
export const maximumSecretFileBytes = 1024 * 1024;
const othersMask = 0o077;

export interface SecretFileOptions {
  /** How the message calls the file. */
  readonly noun?: string;
}

/**
 * Reads a file with a secret in it, if only its owner may read and write it (not asked on Windows, which has no such modes).
 * The check is made on the opened file, so the file cannot be exchanged in between.
 * Errors: KEYS_UNREADABLE, KEYS_FILE_PERMISSIONS with Docker's sentence for private key files.
 */
export async function readSecretFile(
  path: string,
  { noun = "secret file" }: SecretFileOptions = {},
): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY).catch((error: unknown) => {
    throw fileError(isMissing(error) ? "stat" : "open", path, error);
  });
  try {
    const { mode } = await file.stat();
    if (process.platform !== "win32" && (mode & othersMask) !== 0) {
      throw new KeysError("KEYS_FILE_PERMISSIONS", `${noun} ${path} must not be readable or writable by others`);
    }
    const content = await readAtMost(file, maximumSecretFileBytes + 1).catch((error: unknown) => {
      throw fileError("read", path, error);
    });
    if (content.length > maximumSecretFileBytes) {
      throw new KeysError("KEYS_MALFORMED", `${noun} ${path} is larger than ${maximumSecretFileBytes} bytes`);
    }
    return content;
  } finally {
    await file.close();
  }
}

/** Reads a private key file that is to be imported; refuses one that others may read, as `docker trust key load` does. */
export async function readPrivateKeyFile(path: string): Promise<Uint8Array> {
  return await readSecretFile(path, { noun: "private key file" });
}

/** Up to `limit` bytes of an opened file, which may also be a pipe. */
async function readAtMost(file: FileHandle, limit: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const { bytesRead } = await file.read(buffer, length, limit - length, null);
    if (bytesRead === 0) {
      break;
    }
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
