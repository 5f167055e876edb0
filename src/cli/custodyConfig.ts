import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { KeysError } from "../keys/errors.ts";
import { keyFileKdfs } from "../keys/keyDerivation.ts";
import { parseJson } from "../tuf/jsonParser.ts";

const name = z
  .string()
  .regex(/^[\w.-]{1,64}$/, { error: "must be 1 to 64 letters, digits, dots, dashes, underscores" });
const absolutePath = z.string().refine(isAbsolute, { error: "must be an absolute path" });

const signerCommand = z.strictObject({
  kind: z.literal("command"),
  /** As it is called in lists and errors. */
  name,
  /** Program and arguments. */
  command: z.tuple([absolutePath], z.string()),
  /** Longest time for one request; people may have to agree to it. */
  timeoutSeconds: z.number().min(1).max(3600).default(60),
});

const token = z.strictObject({
  kind: z.literal("pkcs11"),
  /** The library that came with the token. */
  module: absolutePath,
  /** The token's label. */
  token: z.string().regex(/^[^\p{Cc}]{1,32}$/u, { error: "must be the token's label, up to 32 characters" }),
  /** For tokens of the same label. */
  serial: z.string().min(1).max(16).optional(),
  /** Roles by the label of a key, or by its ID in hexadecimal. */
  roles: z.record(z.string(), z.string().min(1)).default({}),
  /** The environment variable that holds the PIN. */
  pinVariable: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, { error: "must be the name of an environment variable" })
    .default("COUNTERSIGN_PKCS11_PIN"),
  /** A file with the PIN, readable only by its owner. Without it, and without the variable, the PIN is asked for. */
  pinFile: absolutePath.optional(),
});

function nameOf(custody: z.output<typeof signerCommand> | z.output<typeof token>): string {
  return custody.kind === "command" ? `command ${custody.name}` : `token ${custody.token} ${custody.serial ?? ""}`;
}

const schema = z.strictObject({
  /** Where keys are besides the key files, in the order in which they are looked for. */
  custodies: z
    .array(z.discriminatedUnion("kind", [signerCommand, token]))
    .refine((custodies) => new Set(custodies.map(nameOf)).size === custodies.length, {
      error: "must have names that are all different",
    })
    .default([]),
  newKeyFiles: z
    .strictObject({
      /** What makes the encryption key from the passphrase. */
      kdf: z.enum(keyFileKdfs).default("pbkdf2"),
    })
    .prefault({}),
});

export type CustodyConfig = z.output<typeof schema>;

const maximumBytes = 1024 * 1024;
const writableByOthers = 0o022;

/**
 * Reads the file that says where keys are. It names programs that are run and modules that are loaded, so nobody else may be able to write to it.
 * @throws KeysError KEYS_CUSTODY_CONFIG
 */
export async function readCustodyConfig(path: string): Promise<CustodyConfig> {
  const bytes = await readGuarded(path);
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    throw unusable(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw unusable(path, describeConfigProblems(result.error), result.error);
  return result.data;
}

async function readGuarded(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const { mode, uid, size } = await file.stat();
      if (size > maximumBytes) throw unusable(path, `it is larger than ${maximumBytes} bytes`);
      if (process.platform !== "win32" && ((mode & writableByOthers) !== 0 || !isOurs(uid))) {
        throw unusable(path, "it names programs to run, and others may write to it (chmod go-w, chown)");
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof KeysError) throw error;
    throw unusable(path, (error as Error).message, error);
  }
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.();
}

function unusable(path: string, reason: string, cause?: unknown): KeysError {
  return new KeysError("KEYS_CUSTODY_CONFIG", `${path}: ${reason}`, { cause });
}
