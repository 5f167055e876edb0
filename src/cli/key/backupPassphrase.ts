import { checkNewPassphrase, checkRepeatedPassphrase } from "../../keys/passphrase.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import { wrongPassphrase } from "../../keys/errors.ts";
import { CountersignError } from "../../tuf/error.ts";
import { CliError } from "../errors.ts";
import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

const variable = "COUNTERSIGN_BACKUP_PASSPHRASE";
const attempts = 3;

/** What a backup's passphrase is asked for with. */
export const aboutBackup = { keyId: "", role: "backup" };

/** The passphrase of a backup: from the environment, else from the terminal, three times for one that exists. */
export function backupPassphrases(ui: Ui): PassphraseSource {
  const prompt = terminalPrompt((text) => ui.ask(text));
  return async ({ create, attempt }) => {
    const given = process.env[variable];
    if (given !== undefined && given !== "") return fromVariable(given, create, attempt);
    if (!prompt.interactive) {
      throw new CliError("CLI_PASSPHRASE", "there is no terminal to ask for the passphrase of the backup on", {
        hint: `Set ${variable}.`,
      });
    }
    if (!create) {
      if (attempt >= attempts) return undefined;
      if (attempt > 0) ui.note("This passphrase does not open the backup.");
      return (await prompt.hidden("Passphrase of the backup: "))?.trim();
    }
    try {
      const passphrase = checkNewPassphrase((await prompt.hidden("New passphrase for the backup: ")) ?? "");
      checkRepeatedPassphrase(passphrase, (await prompt.hidden("The same once more: ")) ?? "");
      return passphrase;
    } catch (error) {
      // It is asked for again; what was wrong has to be said here.
      if (error instanceof CountersignError) ui.note(error.message);
      throw error;
    }
  };
}

function fromVariable(given: string, create: boolean, attempt: number): string {
  if (attempt > 0) throw wrongPassphrase({ hint: `The value of ${variable} does not open the backup.` });
  if (!create) return given;
  try {
    return checkNewPassphrase(given);
  } catch (cause) {
    throw new CliError("CLI_PASSPHRASE", `the value of ${variable} is too short: it needs 8 characters`, {
      hint: "Choose a longer one, best made by a password manager.",
      cause,
    });
  }
}
