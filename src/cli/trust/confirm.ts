import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";

/** Asks as Docker does: `y` in any case is a yes; everything else, and nothing, is a no. */
export async function confirmed(ui: Ui, question: string): Promise<boolean> {
  const answer = await terminalPrompt((text) => ui.print(text)).line(`${question} [y/N] `);
  return answer?.trim().toLowerCase() === "y";
}
