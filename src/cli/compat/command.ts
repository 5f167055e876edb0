/**
 * What a command line of the original programs is made of: commands, sub-commands and flags as plain data.
 * `usage.ts` renders the help of it, `resolve.ts` finds the command meant, `flags.ts` reads its flags.
 */

/** `strings` and `ints` may be repeated and hold several values separated by commas; `list` only repeated (Docker's). */
export type FlagType = "bool" | "string" | "strings" | "list" | "int" | "ints";

export interface FlagSpec {
  readonly name: string;
  readonly shorthand?: string;
  readonly type: FlagType;
  readonly usage: string;
  /** Only strings have one that is shown in the help. */
  readonly default?: string;
}

export interface CommandSpec<Run> {
  /** First word is the name, the rest is shown in the usage line. */
  readonly use: string;
  readonly short: string;
  readonly long?: string;
  /** Flags of this command alone. */
  readonly flags?: readonly FlagSpec[];
  /** Flags of this command and all below it. */
  readonly persistentFlags?: readonly FlagSpec[];
  readonly commands?: readonly CommandSpec<Run>[];
  /** What the command does; a command without it only groups others and shows its help. */
  readonly run?: Run;
  /** False: positional arguments are an error. */
  readonly takesArguments?: false;
  /** False: the usage line does not end in `[flags]`. */
  readonly flagsInUsageLine?: false;
}

export function commandName(command: CommandSpec<unknown>): string {
  return command.use.split(" ", 1)[0] ?? "";
}

/** As typed: `notary key rotate`. */
export function fullName(path: readonly CommandSpec<unknown>[]): string {
  return path.map(commandName).join(" ");
}

/** Sub-commands in the order the help shows them. */
export function sortedCommands<Run>(command: CommandSpec<Run>): readonly CommandSpec<Run>[] {
  return (command.commands ?? []).toSorted((a, b) => compareBytes(commandName(a), commandName(b)));
}

/** Flags given to every command by the library the originals are built with. */
export function helpFlag(command: CommandSpec<unknown>): FlagSpec {
  return { name: "help", shorthand: "h", type: "bool", usage: `help for ${commandName(command)}` };
}

export function localFlags(command: CommandSpec<unknown>): readonly FlagSpec[] {
  return [...(command.persistentFlags ?? []), ...(command.flags ?? []), helpFlag(command)].toSorted(byName);
}

export function inheritedFlags(path: readonly CommandSpec<unknown>[]): readonly FlagSpec[] {
  return path
    .slice(0, -1)
    .flatMap((command) => command.persistentFlags ?? [])
    .toSorted(byName);
}

function byName(a: FlagSpec, b: FlagSpec): number {
  return compareBytes(a.name, b.name);
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
