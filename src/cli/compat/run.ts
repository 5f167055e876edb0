import { printable } from "../../transport/printable.ts";
import type { Ui } from "../ui.ts";
import type { CommandSpec } from "./command.ts";
import { inheritedFlags, localFlags } from "./command.ts";
import { completionRequest } from "./complete.ts";
import { parseFlags, UsageMistake } from "./flags.ts";
import type { FlagValues } from "./flags.ts";
import { CompatLog } from "./log.ts";
import { resolveCommand } from "./resolve.ts";
import { helpText, usageText } from "./usage.ts";

/** What a command of a compatible program gets. */
export interface Invocation {
  readonly program: CompatProgram;
  readonly flags: FlagValues;
  readonly args: readonly string[];
  readonly ui: Ui;
  readonly log: CompatLog;
}

export type Action = (invocation: Invocation) => Promise<void> | void;
/** Commands are loaded when they are run, so that none pays for the others. */
export type LoadAction = () => Promise<Action>;
export type CompatProgram = CommandSpec<LoadAction>;

/** The person said no: shown like a failure, but right below the question. */
export class Aborted extends Error {}

/**
 * Runs a compatible program and returns its exit code. Help and usage go to stdout; so does a failure, as
 * `* fatal: …`, after which the code is 1 whatever went wrong.
 */
export async function runCompatible(program: CompatProgram, args: readonly string[], ui: Ui): Promise<number> {
  const completion = completionRequest(program, args);
  if (completion) {
    ui.print(completion.stdout);
    for (const line of completion.stderr) ui.note(line);
    return 0;
  }
  let usage = "";
  try {
    const { path, args: rest } = resolveCommand(program, args);
    const command = path.at(-1) ?? program;
    const { flags, positional } = parseFlags([...localFlags(command), ...inheritedFlags(path)], rest);
    if (flags.bool("help") || !command.run) {
      ui.print(helpText(path));
      return 0;
    }
    usage = usageText(path);
    const action = await command.run();
    await action({ program, flags, args: positional, ui, log: new CompatLog() });
    return 0;
  } catch (error) {
    if (error instanceof UsageMistake && error.showsUsage) ui.print(usage);
    const space = error instanceof Aborted ? "" : "\n";
    ui.print(`${space}* fatal: ${printable(error instanceof Error ? error.message : String(error))}\n`);
    return 1;
  }
}
