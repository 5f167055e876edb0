import { isBaseRole } from "../tuf/role.ts";
import { KeysError, wrongPassphrase } from "./errors.ts";
import { readSecretFile } from "./secretFile.ts";

/** What a passphrase is wanted for. */
export interface PassphraseRequest {
  /** The key, or "" when it is not known yet. */
  readonly keyId: string;
  /** The role the key file names, or `encrypted` for a file to be imported that names none. */
  readonly role: string;
  readonly gun?: string | undefined;
  /** True for the passphrase of a new key file, false to open an existing one. */
  readonly create: boolean;
  /** 0 for the first question, 1 after one wrong answer, … */
  readonly attempt: number;
}

/**
 * Where passphrases come from: a prompt, the environment, a file. Undefined means "I have none": the next source is
 * asked, and the caller gives up when there is no next one. To stop at once, throw.
 */
export type PassphraseSource = (request: PassphraseRequest) => Promise<string | undefined>;

/** The fewest characters of a new passphrase that is typed in, after trimming. */
const minimumPassphraseLength = 8;
/** How often a prompt asks for the passphrase of one existing key. */
export const promptAttempts = 4;
/** How often a source is asked at most (Notary: 12 calls), whatever it answers. */
const maximumAttempts = 12;

type EnvironmentStyle = "notary" | "docker";

/**
 * The variables the originals read. Notary: NOTARY_{ROOT,TARGETS,SNAPSHOT}_PASSPHRASE, and NOTARY_DELEGATION_PASSPHRASE for
 * every role that is no base role. Docker: DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE, and
 * DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE for everything else, signers' keys included.
 * An empty variable counts as unset. A value that does not fit ends the attempts: no prompt follows, as in the originals.
 * The length of such a passphrase is not judged. Unlike in the originals each variable may also be given with `_FILE` at its end:
 * the passphrase is then the first line of that file (`fromFile`).
 */
export function fromEnvironment(
  style: EnvironmentStyle,
  environment: NodeJS.ProcessEnv = process.env,
): PassphraseSource {
  return async (request) => {
    const { role, attempt } = request;
    const name = environmentVariable(style, role);
    const value = name === undefined ? undefined : environment[name];
    if (value === undefined || value === "") {
      const path = name === undefined ? undefined : environment[`${name}_FILE`];
      return path ? await fromFile(path)(request) : undefined;
    }
    if (attempt > 0) {
      throw wrongPassphrase({ hint: `The value of ${name} does not open the key.` });
    }
    return value;
  };
}

/** The variable that holds the passphrase for keys of a role; undefined where there is none (Notary has none for timestamp). */
export function environmentVariable(style: EnvironmentStyle, role: string): string | undefined {
  if (style === "docker") {
    return role === "root" ? "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE" : "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE";
  }
  switch (role) {
    case "root":
    case "targets":
    case "snapshot":
      return `NOTARY_${role.toUpperCase()}_PASSPHRASE`;
    default:
      return isBaseRole(role) ? undefined : "NOTARY_DELEGATION_PASSPHRASE";
  }
}

/**
 * The first line of a file that nobody else may read. Read anew on each use, so that a mounted secret can change.
 * Errors: KEYS_FILE_PERMISSIONS, KEYS_UNREADABLE; KEYS_PASSPHRASE_WRONG when it does not open the key.
 */
export function fromFile(path: string): PassphraseSource {
  return async ({ attempt }) => {
    if (attempt > 0) {
      throw wrongPassphrase({ hint: `The passphrase in ${path} does not open the key.` });
    }
    const [line = ""] = new TextDecoder()
      .decode(await readSecretFile(path, { noun: "passphrase file" }))
      .split(/\r?\n/);
    return line;
  };
}

/** One passphrase for everything, already known to the caller. */
export function fixedPassphrase(passphrase: string): PassphraseSource {
  return async ({ attempt }) => (attempt === 0 ? passphrase : undefined);
}

/** Asks each source in turn until one has an answer. */
export function firstOf(...sources: readonly PassphraseSource[]): PassphraseSource {
  return async (request) => {
    for (const source of sources) {
      const answer = await source(request);
      if (answer !== undefined) {
        return answer;
      }
    }
    return undefined;
  };
}

/**
 * Remembers the last answer per role in memory: the first question for another key of that role, new or old, is answered
 * with it, as in the originals; only after it failed the source is asked again.
 */
export function cachedByRole(source: PassphraseSource): PassphraseSource {
  const answers = new Map<string, string>();
  return async (request) => {
    const known = request.attempt === 0 ? answers.get(request.role) : undefined;
    const answer = known ?? (await source(request));
    if (answer !== undefined) {
      answers.set(request.role, answer);
    }
    return answer;
  };
}

/** Judges a new passphrase that was typed in; gives it back trimmed. Errors: KEYS_PASSPHRASE_SHORT with Notary's sentence. */
export function checkNewPassphrase(passphrase: string): string {
  const trimmed = passphrase.trim();
  if (trimmed.length < minimumPassphraseLength) {
    throw new KeysError(
      "KEYS_PASSPHRASE_SHORT",
      "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.",
    );
  }
  return trimmed;
}

/** Compares a new passphrase with its repetition. Errors: KEYS_PASSPHRASES_DIFFER with Notary's sentence. */
export function checkRepeatedPassphrase(passphrase: string, repeated: string): void {
  if (passphrase.trim() !== repeated.trim()) {
    throw new KeysError("KEYS_PASSPHRASES_DIFFER", "Passphrases do not match. Please retry.");
  }
}

/**
 * Gets the passphrase of a new key file. A source that throws KEYS_PASSPHRASE_SHORT or KEYS_PASSPHRASES_DIFFER is asked again.
 * Errors: KEYS_PASSPHRASE_ATTEMPTS when there is none, or an empty one: keys are not stored in clear.
 */
export async function askNewPassphrase(
  source: PassphraseSource,
  about: Omit<PassphraseRequest, "create" | "attempt">,
): Promise<string> {
  let cause: unknown;
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    try {
      const passphrase = await source({ ...about, create: true, attempt });
      if (passphrase === undefined || passphrase === "") {
        break;
      }
      return passphrase;
    } catch (error) {
      if (!isRetryable(error)) {
        throw error;
      }
      cause = error;
    }
  }
  throw new KeysError("KEYS_PASSPHRASE_ATTEMPTS", "maximum number of passphrase attempts exceeded", { cause });
}

/**
 * Asks for the passphrase of an existing key until `open` succeeds with it.
 * @param open throws KEYS_PASSPHRASE_WRONG for a wrong one; every other error ends the attempts
 * Errors: KEYS_PASSPHRASE_WRONG when the source has no (further) answer, KEYS_PASSPHRASE_ATTEMPTS after 12.
 */
export async function openWithPassphrase<Opened>(
  source: PassphraseSource,
  about: Omit<PassphraseRequest, "create" | "attempt">,
  open: (passphrase: string) => Opened,
): Promise<Opened> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const passphrase = await source({ ...about, create: false, attempt });
    if (passphrase === undefined) {
      throw wrongPassphrase();
    }
    try {
      return open(passphrase);
    } catch (error) {
      if (!(error instanceof KeysError && error.code === "KEYS_PASSPHRASE_WRONG")) {
        throw error;
      }
    }
  }
  throw new KeysError("KEYS_PASSPHRASE_ATTEMPTS", "maximum number of passphrase attempts exceeded");
}

function isRetryable(error: unknown): boolean {
  return (
    error instanceof KeysError && (error.code === "KEYS_PASSPHRASE_SHORT" || error.code === "KEYS_PASSPHRASES_DIFFER")
  );
}
