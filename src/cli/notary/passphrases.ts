import { CountersignError } from "../../tuf/error.ts";
import {
  cachedByRole,
  checkNewPassphrase,
  checkRepeatedPassphrase,
  firstOf,
  fromEnvironment,
  promptAttempts,
} from "../../keys/passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "../../keys/passphrase.ts";
import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

const rootKeyNotice = `You are about to create a new root signing key passphrase. This passphrase
will be used to protect the most sensitive key in your signing system. Please
choose a long, complex passphrase and be careful to keep the password and the
key file itself secure and backed up. It is highly recommended that you use a
password manager to generate the passphrase and keep it safe. There will be no
way to recover this key. You can find the key in your config directory.
`;

/** How many characters of a key ID a question shows. */
const shownIdLength = 7;

/**
 * Where `notary` gets passphrases: NOTARY_*_PASSPHRASE, else questions on the terminal, whose answers are remembered per
 * role for the rest of the command. Without a terminal there are no questions.
 */
export function notaryPassphrases(ui: Ui): PassphraseSource {
  return firstOf(fromEnvironment("notary"), cachedByRole(askOnTerminal(ui)));
}

/** The same without a memory: changing a passphrase asks for the old one and for the new one. */
export function forgetfulPassphrases(ui: Ui): PassphraseSource {
  return firstOf(fromEnvironment("notary"), askOnTerminal(ui));
}

function askOnTerminal(ui: Ui): PassphraseSource {
  const prompt = terminalPrompt((text) => ui.print(text));
  return async (request) => {
    if (!prompt.interactive) return undefined;
    if (!request.create && request.attempt >= promptAttempts) return undefined;
    if (!request.create && request.attempt > 0) ui.print("Passphrase incorrect. Please retry.\n");
    if (request.create && request.attempt === 0 && request.role === "root") ui.print(rootKeyNotice);
    const key = describe(request);
    const passphrase = await prompt.hidden(`Enter passphrase for ${key}: `);
    if (passphrase === undefined || !request.create) return passphrase?.trim();
    try {
      const checked = checkNewPassphrase(passphrase);
      checkRepeatedPassphrase(checked, (await prompt.hidden(`Repeat passphrase for ${key}: `)) ?? "");
      return checked;
    } catch (error) {
      // The caller asks again; what was wrong has to be said here.
      if (error instanceof CountersignError) ui.print(`${error.message}\n`);
      throw error;
    }
  };
}

function describe({ create, role, keyId }: PassphraseRequest): string {
  const id = keyId === "" ? "" : ` with ID ${keyId.slice(0, shownIdLength)}`;
  return `${create ? "new " : ""}${role} key${id}`;
}
