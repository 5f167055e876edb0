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

export interface AskingOptions {
  /** How a role is called in questions. Default: as it is. */
  readonly called?: (role: string) => string;
  /** Without a terminal: read the answers from standard input, line by line, as Docker does. Default: there are no questions. */
  readonly fromInput?: boolean;
}

/**
 * Asks for passphrases on the terminal, with the questions of Notary and Docker.
 * @param write where the questions go
 */
export function askPassphrases(
  write: (text: string) => void,
  { called = (role) => role, fromInput = false }: AskingOptions = {},
): PassphraseSource {
  const prompt = terminalPrompt(write);
  const ask = async (question: string): Promise<string | undefined> => {
    if (prompt.interactive) return await prompt.hidden(question);
    const answer = await prompt.line(question);
    write("\n");
    return answer;
  };
  return async (request) => {
    if (!prompt.interactive && !fromInput) return undefined;
    if (!request.create && request.attempt >= promptAttempts) return undefined;
    if (!request.create && request.attempt > 0) write("Passphrase incorrect. Please retry.\n");
    if (request.create && request.attempt === 0 && request.role === "root") write(rootKeyNotice);
    const key = describe(request, called);
    const passphrase = await ask(`Enter passphrase for ${key}: `);
    if (!request.create) return passphrase?.trim();
    let repeated: string | undefined = "";
    try {
      if (passphrase === undefined) return prompt.interactive ? undefined : checkNewPassphrase("");
      const checked = checkNewPassphrase(passphrase);
      repeated = await ask(`Repeat passphrase for ${key}: `);
      checkRepeatedPassphrase(checked, repeated ?? "");
      return checked;
    } catch (error) {
      // The caller asks again; what was wrong has to be said here. Of an input that ended, Docker says nothing.
      const answered = passphrase !== undefined && repeated !== undefined;
      if (error instanceof CountersignError && answered) write(`${error.message}\n`);
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
