import { readSecretFile } from "./secretFile.ts";

/** What a PIN is wanted for. */
export interface PinRequest {
  /** The token, as errors call it: `token publisher`. */
  readonly token: string;
  /** One more wrong PIN locks the token. */
  readonly finalTry: boolean;
}

export interface Pin {
  readonly pin: string;
  /** Where it came from, for the error when it is wrong: `the variable COUNTERSIGN_PKCS11_PIN`. Never the PIN itself. */
  readonly origin: string;
  /** Whether a person has typed it just now. A stored one is never used for the last try. */
  readonly typed: boolean;
}

/** Where PINs come from. Undefined means "I have none". It is asked once for each token. */
export type PinSource = (request: PinRequest) => Promise<Pin | undefined>;

/** The value of a variable; an empty one counts as unset. */
export function pinFromVariable(name: string, environment: NodeJS.ProcessEnv = process.env): PinSource {
  return async () => {
    const pin = environment[name];
    return pin === undefined || pin === "" ? undefined : { pin, origin: `the variable ${name}`, typed: false };
  };
}

/** The first line of a file that nobody else may read. Errors: KEYS_FILE_PERMISSIONS, KEYS_UNREADABLE. */
export function pinFromFile(path: string): PinSource {
  return async () => {
    const [pin = ""] = new TextDecoder().decode(await readSecretFile(path, { noun: "PIN file" })).split(/\r?\n/);
    return { pin, origin: path, typed: false };
  };
}

/** Asks each source in turn until one has a PIN. */
export function firstPin(...sources: readonly PinSource[]): PinSource {
  return async (request) => {
    for (const source of sources) {
      const pin = await source(request);
      if (pin !== undefined) {
        return pin;
      }
    }
    return undefined;
  };
}
