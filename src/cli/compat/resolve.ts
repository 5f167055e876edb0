import { commandName, fullName, inheritedFlags, sortedCommands } from "./command.ts";
import type { CommandSpec, FlagSpec } from "./command.ts";
import { UsageMistake } from "./flags.ts";
import { goQuote } from "./goText.ts";

export interface ResolvedCommand<Run> {
  /** Ends in the command meant; `path[0]` is the program. */
  readonly path: readonly CommandSpec<Run>[];
  /** All arguments that are not the names of commands, flags included. */
  readonly args: readonly string[];
}

/**
 * Walks down from the program to the command meant. Flags may stand before, between and after the names.
 *
 * @throws UsageMistake for a word that is no command of the program, with suggestions
 */
export function resolveCommand<Run>(program: CommandSpec<Run>, args: readonly string[]): ResolvedCommand<Run> {
  const path = [program];
  let rest = args;
  for (;;) {
    const command = path.at(-1) ?? program;
    const at = firstWord(rest, [...ownFlags(command), ...inheritedFlags(path)]);
    const word = at === undefined ? undefined : rest[at];
    const next = command.commands?.find((candidate) => commandName(candidate) === word);
    if (next && at !== undefined) {
      path.push(next);
      rest = rest.toSpliced(at, 1);
      continue;
    }
    // Below the program, words that are no command are arguments; groups then show their help.
    if (word !== undefined && (path.length === 1 || command.takesArguments === false)) {
      const hint = path.length === 1 ? suggestions(program, word) : "";
      throw new UsageMistake(`unknown command ${goQuote(word)} for ${goQuote(fullName(path))}${hint}`);
    }
    return { path, args: rest };
  }
}

/** Without `help`: the originals do not know it yet at this point, so that a word behind it counts as its value. */
function ownFlags(command: CommandSpec<unknown>): readonly FlagSpec[] {
  return [...(command.persistentFlags ?? []), ...(command.flags ?? [])];
}

/** Index of the first argument that is neither a flag nor the value of one. */
export function firstWord(args: readonly string[], flags: readonly FlagSpec[]): number | undefined {
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--") return undefined;
    if (arg !== "" && !arg.startsWith("-")) return at;
    if (takesNextArgument(arg, flags)) at += 1;
  }
  return undefined;
}

function takesNextArgument(arg: string, flags: readonly FlagSpec[]): boolean {
  if (!arg.startsWith("-") || arg.includes("=")) return false;
  if (arg.startsWith("--")) return flags.find(({ name }) => name === arg.slice(2))?.type !== "bool";
  return arg.length === 2 && flags.find(({ shorthand }) => shorthand === arg.slice(1))?.type !== "bool";
}

function suggestions(program: CommandSpec<unknown>, word: string): string {
  const typed = word.toLowerCase();
  const near = sortedCommands(program)
    .map(commandName)
    .filter((name) => name !== "help")
    .filter((name) => editDistance(typed, name) <= 2 || name.startsWith(typed));
  return near.length === 0 ? "" : `\n\nDid you mean this?\n${near.map((name) => `\t${name}\n`).join("")}`;
}

/** Levenshtein distance, in bytes. */
function editDistance(one: string, other: string): number {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [line, byte] of a.entries()) {
    const next = [line + 1];
    for (const [column, candidate] of b.entries()) {
      const substitution = (row[column] ?? 0) + (byte === candidate ? 0 : 1);
      next.push(Math.min(substitution, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
