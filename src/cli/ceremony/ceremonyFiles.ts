import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createFileAtomic, writeFileAtomic } from "../../keys/atomicFile.ts";
import { Ceremony } from "../../trust/ceremony.ts";
import { ceremonyFileLimit } from "../../trust/ceremonyFile.ts";
import { onDisk, TrustError } from "../../trust/errors.ts";
import { CliError } from "../errors.ts";

/** There is no secret in them, and others go on with them. */
const fileMode = 0o644;

/**
 * Reads and judges the file of a ceremony.
 * @throws CliError CLI_USAGE when there is no such file; see Ceremony.read
 */
export async function readCeremony(path: string, now: Date): Promise<Ceremony> {
  return Ceremony.read(await readBytes(path), now);
}

/** Writes a new file. @throws CliError CLI_USAGE when it exists */
export async function createCeremonyFile(path: string, bytes: Uint8Array | string): Promise<void> {
  if (!(await onDisk(path, () => createFileAtomic(path, bytes, fileMode)))) {
    throw existing(path);
  }
}

/** The same question before the work that leads to the file. @throws CliError CLI_USAGE */
export function requireNoFile(path: string): void {
  if (existsSync(path)) throw existing(path);
}

function existing(path: string): CliError {
  return new CliError("CLI_USAGE", `${path} exists already`, { hint: "Name another file, or remove this one." });
}

/**
 * Replaces the file with a ceremony that has more signatures, all or nothing. What others have added to it in the meantime stays.
 * @returns what the file holds now
 */
export async function updateCeremonyFile(path: string, ceremony: Ceremony, now: Date): Promise<Ceremony> {
  const joined = ceremony.joinedWith(await readCeremony(path, now));
  await onDisk(path, () => writeFileAtomic(path, joined.encode(), fileMode));
  return joined;
}

async function readBytes(path: string): Promise<Uint8Array> {
  const size = await onDisk(path, async () => (await stat(path)).size);
  if (size > ceremonyFileLimit) {
    const message = `${path} has ${size} bytes, more than the limit of ${ceremonyFileLimit} for the file of a ceremony`;
    throw new TrustError("TRUST_CEREMONY_FILE", message, { path });
  }
  return await onDisk(path, () => readFile(path));
}

/** The one file a command is about. @throws CliError CLI_USAGE */
export function onlyFile(command: string, args: readonly string[]): string {
  const [file, ...more] = args;
  if (file === undefined || more.length > 0) {
    throw new CliError("CLI_USAGE", `ceremony ${command} takes the one file of the ceremony`);
  }
  return file;
}
