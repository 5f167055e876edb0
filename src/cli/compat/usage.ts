import { commandName, fullName, inheritedFlags, localFlags, sortedCommands } from "./command.ts";
import type { CommandSpec, FlagSpec } from "./command.ts";

type Path = readonly CommandSpec<unknown>[];

/** The usage text of the last command of the path, as the originals lay it out. */
export function usageText(path: Path, options: { readonly helpFlag?: boolean } = {}): string {
  const command = path.at(-1) as CommandSpec<unknown>;
  const name = fullName(path);
  const commands = sortedCommands(command);
  const local = localFlags(command).filter((flag) => flag.name !== "help" || options.helpFlag !== false);
  const inherited = inheritedFlags(path);
  let text = "Usage:";
  if (command.run) text += `\n  ${usageLine(path)}`;
  if (commands.length > 0) text += `\n  ${name} [command]\n\nAvailable Commands:${commandLines(commands)}`;
  if (local.length > 0) text += `\n\nFlags:\n${flagLines(local)}`;
  if (inherited.length > 0) text += `\n\nGlobal Flags:\n${flagLines(inherited)}`;
  if (commands.length > 0) text += `\n\nUse "${name} [command] --help" for more information about a command.`;
  return `${text}\n`;
}

/** The usage text under the long description. */
export function helpText(path: Path): string {
  const command = path.at(-1) as CommandSpec<unknown>;
  return `${(command.long ?? command.short).trimEnd()}\n\n${usageText(path)}`;
}

function usageLine(path: Path): string {
  const command = path.at(-1) as CommandSpec<unknown>;
  const line = [...path.slice(0, -1).map(commandName), command.use].join(" ");
  return command.flagsInUsageLine === false ? line : `${line} [flags]`;
}

function commandLines(commands: Path): string {
  const width = Math.max(11, ...commands.map((command) => commandName(command).length));
  return commands.map((command) => `\n  ${commandName(command).padEnd(width)} ${command.short}`).join("");
}

function flagLines(flags: readonly FlagSpec[]): string {
  const heads = flags.map(flagHead);
  const width = Math.max(...heads.map((head) => head.length)) + 3;
  return flags
    .map((flag, at) => {
      const shownDefault = flag.default === undefined ? "" : ` (default "${flag.default}")`;
      return `${heads[at]?.padEnd(width)}${flag.usage}${shownDefault}`;
    })
    .join("\n");
}

function flagHead({ name, shorthand, type }: FlagSpec): string {
  const head = shorthand === undefined ? `      --${name}` : `  -${shorthand}, --${name}`;
  return type === "bool" ? head : `${head} ${type}`;
}
