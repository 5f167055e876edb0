import { UsageMistake } from "./flags.ts";
import { goBackQuote } from "./goText.ts";
import { resolveCommand } from "./resolve.ts";
import type { Action } from "./run.ts";
import { helpText, usageText } from "./usage.ts";

/** `help COMMAND…`: an unknown topic is answered with the program's usage, and is no failure. */
export const help: Action = ({ program, args, ui }) => {
  try {
    ui.print(helpText(resolveCommand(program, args).path));
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    ui.print(`Unknown help topic [${args.map(goBackQuote).join(" ")}]\n${usageText([program], { helpFlag: false })}`);
  }
};
