import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

/** Asks and reads one line: `y` or `yes`, in any case and alone, is a yes; everything else, and nothing, is a no. */
export async function confirmed(ui: Ui, question: string): Promise<boolean> {
  const answer = await terminalPrompt((text) => ui.print(text)).line(question);
  return /^[ \t]*y(?:es)?[ \t]*$/i.test(answer ?? "");
}
