import { cachedByRole, firstOf, fromEnvironment } from "../../keys/passphrase.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import { askPassphrases } from "../passphrasePrompt.ts";
import type { Ui } from "../ui.ts";

/**
 * Where `notary` gets passphrases: NOTARY_*_PASSPHRASE, else questions on the terminal, whose answers are remembered per
 * role for the rest of the command. Without a terminal there are no questions.
 */
export function notaryPassphrases(ui: Ui): PassphraseSource {
  return firstOf(fromEnvironment("notary"), cachedByRole(askPassphrases((text) => ui.print(text))));
}

/** The same without a memory: changing a passphrase asks for the old one and for the new one. */
export function forgetfulPassphrases(ui: Ui): PassphraseSource {
  return firstOf(
    fromEnvironment("notary"),
    askPassphrases((text) => ui.print(text)),
  );
}
