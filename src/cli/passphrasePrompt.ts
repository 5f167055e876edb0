import { CountersignError } from "../tuf/error.ts";
import { checkNewPassphrase, checkRepeatedPassphrase, promptAttempts } from "../keys/passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "../keys/passphrase.ts";
import { terminalPrompt } from "./prompt.ts";

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
 * Asks for passphrases on the terminal, with the questions of Notary and Docker. Without a terminal there are no questions.
 * @param write where the questions go
 * @param called how a role is called in them
 */
export function askPassphrases(
  write: (text: string) => void,
  called: (role: string) => string = (role) => role,
): PassphraseSource {
  const prompt = terminalPrompt(write);
  return async (request) => {
    if (!prompt.interactive) return undefined;
    if (!request.create && request.attempt >= promptAttempts) return undefined;
    if (!request.create && request.attempt > 0) write("Passphrase incorrect. Please retry.\n");
    if (request.create && request.attempt === 0 && request.role === "root") write(rootKeyNotice);
    const key = describe(request, called);
    const passphrase = await prompt.hidden(`Enter passphrase for ${key}: `);
    if (passphrase === undefined || !request.create) return passphrase?.trim();
    try {
      const checked = checkNewPassphrase(passphrase);
      checkRepeatedPassphrase(checked, (await prompt.hidden(`Repeat passphrase for ${key}: `)) ?? "");
      return checked;
    } catch (error) {
      // The caller asks again; what was wrong has to be said here.
      if (error instanceof CountersignError) write(`${error.message}\n`);
      throw error;
    }
  };
}

/** Docker's names: the keys of a repository are all `repository`, those of signers have the signer's name. */
export function dockerRoleName(role: string): string {
  return role === "targets" || role === "snapshot" ? "repository" : role;
}

function describe({ create, role, keyId }: PassphraseRequest, called: (role: string) => string): string {
  const id = keyId === "" ? "" : ` with ID ${keyId.slice(0, shownIdLength)}`;
  return `${create ? "new " : ""}${called(role)} key${id}`;
}
