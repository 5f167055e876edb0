import type { CompatLog } from "../compat/log.ts";
import { parseNotaryAuth } from "../../notary/credentials.ts";
import type { Credentials } from "../../transport/credentials.ts";
import { NotaryError } from "../../notary/errors.ts";
import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

/**
 * Who logs in: NOTARY_AUTH, else the answers to two questions. An unusable NOTARY_AUTH is logged and counts as nobody,
 * as does an input that ends.
 */
export async function notaryCredentials(ui: Ui, log: CompatLog): Promise<Credentials | undefined> {
  const { NOTARY_AUTH: authentication } = process.env;
  if (authentication === undefined || authentication === "") return askCredentials(ui, log);
  try {
    return parseNotaryAuth(authentication);
  } catch (error) {
    if (!(error instanceof NotaryError)) throw error;
    log.error(error.message);
    return undefined;
  }
}

async function askCredentials(ui: Ui, log: CompatLog): Promise<Credentials | undefined> {
  const prompt = terminalPrompt((text) => ui.print(text));
  const username = await prompt.line("Enter username: ");
  if (username === undefined) {
    log.error("error processing username input: EOF");
    return undefined;
  }
  const question = "Enter password: ";
  const password = await (prompt.interactive ? prompt.hidden(question) : prompt.line(question));
  if (password === undefined) {
    log.error("error processing password input: EOF");
    return undefined;
  }
  return { username: username.trim(), password: password.trim() };
}
