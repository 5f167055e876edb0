import { commandName, inheritedFlags, localFlags, sortedCommands } from "./command.ts";
import type { CommandSpec, FlagSpec } from "./command.ts";
import { parseFlags, UsageMistake } from "./flags.ts";
import { resolveCommand } from "./resolve.ts";

/** What a shell's completion script gets; the script in completionScripts.ts and those made by the originals read it. */
export interface CompletionAnswer {
  readonly stdout: string;
  readonly stderr: readonly string[];
}

const directives = {
  offerFiles: [0, "ShellCompDirectiveDefault"],
  noFiles: [4, "ShellCompDirectiveNoFileComp"],
} as const;

/**
 * Answers the hidden commands `__complete` and `__completeNoDesc`, whose last argument is the word being typed:
 * one candidate per line (with its description behind a tab), then `:` and a number that says whether to offer files.
 */
export function completionRequest(
  program: CommandSpec<unknown>,
  args: readonly string[],
): CompletionAnswer | undefined {
  const [request, ...words] = args;
  if (request !== "__complete" && request !== "__completeNoDesc") return undefined;
  const typed = words.pop() ?? "";
  try {
    const found = candidates(program, words, typed);
    const lines = found.map(([name, text]) => (request === "__complete" ? `${name}\t${text}\n` : `${name}\n`));
    return answer(lines, found.length > 0 ? "noFiles" : "offerFiles", []);
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    return answer([], "offerFiles", [`[Debug] [Error] Unable to find a command for arguments: [${words.join(" ")}]`]);
  }
}

function answer(lines: readonly string[], directive: keyof typeof directives, stderr: string[]): CompletionAnswer {
  const [number, name] = directives[directive];
  return {
    stdout: `${lines.join("")}:${number}\n`,
    stderr: [...stderr, `Completion ended with directive: ${name}`],
  };
}

function candidates(program: CommandSpec<unknown>, words: readonly string[], typed: string): [string, string][] {
  const { path, args } = resolveCommand(program, words);
  const command = path.at(-1) ?? program;
  const flags = [...inheritedFlags(path), ...localFlags(command)];
  const positional = positionalArguments(flags, args);
  if (positional === undefined) return []; // The word being typed is the value of a flag.
  if (typed.startsWith("-")) return flags.flatMap(flagForms).filter(([name]) => name.startsWith(typed));
  if (commandName(command) === "help") return subcommands(resolveCommand(program, positional).path.at(-1), typed);
  return positional.length > 0 ? [] : subcommands(command, typed);
}

function positionalArguments(flags: readonly FlagSpec[], args: readonly string[]): readonly string[] | undefined {
  try {
    return parseFlags(flags, args).positional;
  } catch (error) {
    if (error instanceof UsageMistake) return undefined;
    throw error;
  }
}

function subcommands(command: CommandSpec<unknown> | undefined, typed: string): [string, string][] {
  return (command ? sortedCommands(command) : [])
    .map((next): [string, string] => [commandName(next), next.short])
    .filter(([name]) => name.startsWith(typed));
}

function flagForms({ name, shorthand, usage }: FlagSpec): [string, string][] {
  return [[`--${name}`, usage], ...(shorthand === undefined ? [] : [[`-${shorthand}`, usage] as [string, string]])];
}
