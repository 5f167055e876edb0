import { commandName, fullName, localFlags } from "../compat/command.ts";
import { completionRequest } from "../compat/complete.ts";
import { parseFlags, UsageMistake } from "../compat/flags.ts";
import type { CompatLog } from "../compat/log.ts";
import { resolveCommand } from "../compat/resolve.ts";
import type { ResolvedCommand } from "../compat/resolve.ts";
import type { Ui } from "../ui.ts";
import { dockerProgram } from "./program.ts";
import type { TrustRun } from "./program.ts";
import { dockerHelp, usageLine } from "./usage.ts";

/** Docker's exit code for flags that cannot be read. */
const badFlags = 125;

/**
 * Runs `docker trust …`: help goes to stdout, every failure to stderr as the bare sentence. The exit code is 1 whatever went
 * wrong, but 125 for unreadable flags.
 * @param words `trust` and what follows it
 */
export async function runDockerTrust(words: readonly string[], ui: Ui, log: CompatLog): Promise<number> {
  const completion = completionRequest(dockerProgram, words);
  if (completion) {
    ui.print(completion.stdout);
    for (const line of completion.stderr) ui.note(line);
    return 0;
  }
  try {
    if (words[0] === "help") return help(resolveCommand(dockerProgram, words.slice(1)), ui);
    return await run(resolveCommand(dockerProgram, words), ui, log);
  } catch (error) {
    ui.note(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

type Found = ResolvedCommand<TrustRun>;

async function run({ path, args }: Found, ui: Ui, log: CompatLog): Promise<number> {
  const command = path.at(-1) ?? dockerProgram;
  let parsed;
  try {
    parsed = parseFlags(localFlags(command), args);
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    showMistake(error.message, "Run", path, ui);
    return badFlags;
  }
  const { flags, positional } = parsed;
  if (flags.bool("help")) {
    if (args.includes("-h")) ui.print("Flag shorthand -h has been deprecated, use --help\n");
    ui.print(dockerHelp(path, process.stdout.columns));
    return 0;
  }
  if (!command.run) {
    if (positional.length === 0) ui.ask(dockerHelp(path, process.stdout.columns));
    else showMistake(`docker: unknown command: ${fullName(path)} ${positional[0]}`, "Run", path, ui);
    return positional.length === 0 ? 0 : 1;
  }
  const { exactly, atLeast, load } = command.run;
  if (positional.length !== (exactly ?? positional.length) || positional.length < (atLeast ?? 0)) {
    const count = exactly ?? atLeast ?? 0;
    const needed = `${exactly === undefined ? "at least " : ""}${count} argument${count === 1 ? "" : "s"}`;
    showMistake(`docker: '${fullName(path)}' requires ${needed}`, exactly === undefined ? "See" : "Run", path, ui);
    return 1;
  }
  const action = await load();
  await action({ flags, args: positional, ui, log });
  return 0;
}

/** `docker help trust …` */
function help({ path, args }: Found, ui: Ui): number {
  const [unknown] = args;
  if (unknown === undefined) ui.print(dockerHelp(path, process.stdout.columns));
  else ui.note(`unknown help topic: ${unknown}`);
  return unknown === undefined ? 0 : 1;
}

function showMistake(message: string, verb: "Run" | "See", path: Found["path"], ui: Ui): void {
  const usage = path.at(-1)?.run === undefined ? `Usage:  ${path.map(commandName).join(" ")}` : usageLine(path);
  ui.note(`${message}\n\n${usage}\n\n${verb} '${fullName(path)} --help' for more information`);
}
