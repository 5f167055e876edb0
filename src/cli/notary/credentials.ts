import type { CompatLog } from "../compat/log.ts";
import { parseNotaryAuth } from "../../notary/credentials.ts";
import type { Credentials } from "../../transport/credentials.ts";
import { NotaryError } from "../../notary/errors.ts";
import { terminalPrompt } from "../prompt.ts";
import type { Prompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

/**
 * Who logs in, as NOTARY_AUTH says. One that cannot be used is logged and counts as nobody. The original never logs in to
 * read, so that its `list` shows of a private collection what is cached, or nothing.
 */
export function environmentCredentials(log: CompatLog): Credentials | undefined {
  try {
    return parseNotaryAuth(process.env["NOTARY_AUTH"]);
  } catch (error) {
    if (!(error instanceof NotaryError)) throw error;
    log.error(error.message);
    return undefined;
  }
}

/** NOTARY_AUTH, else the answers to two questions; an input that ends counts as nobody. */
export async function publisherCredentials(ui: Ui, log: CompatLog): Promise<Credentials | undefined> {
  if (process.env["NOTARY_AUTH"]) return environmentCredentials(log);
  const prompt = terminalPrompt((text) => ui.print(text));
  const username = await prompt.line("Enter username: ");
  if (username === undefined) {
    log.error("error processing username input: EOF");
    return undefined;
  }
  const password = await askPassword(prompt, ui);
  if (password === undefined) {
    log.error("error processing password input: EOF");
    return undefined;
  }
  return { username: username.trim(), password: password.trim() };
}

async function askPassword(prompt: Prompt, ui: Ui): Promise<string | undefined> {
  const question = "Enter password: ";
  if (prompt.interactive) return await prompt.hidden(question);
  const password = await prompt.line(question);
  ui.print("\n");
  return password;
}
