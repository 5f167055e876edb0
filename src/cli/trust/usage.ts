import { commandName, fullName, sortedCommands } from "../compat/command.ts";
import type { CommandSpec, FlagSpec } from "../compat/command.ts";

type Path = readonly CommandSpec<unknown>[];

/** Columns of text where nothing says how wide the terminal is. */
const defaultColumns = 80;
/** How far a line may go beyond where it would be broken, if the rest of the text then fits. */
const overhang = 5;

/** The help of the last command of the path, as Docker lays it out. */
export function dockerHelp(path: Path, columns = defaultColumns): string {
  const command = path.at(-1) as CommandSpec<unknown>;
  const commands = sortedCommands(command);
  const groups = commands.filter((candidate) => candidate.commands !== undefined);
  const others = commands.filter((candidate) => candidate.commands === undefined);
  const name = fullName(path);
  let text = `${usageLine(path)}${commands.length > 0 ? " COMMAND" : ""}\n\n${command.short}\n`;
  const flags = command.flags ?? [];
  if (flags.length > 0) text += `\nOptions:\n${flagLines(flags, columns - 1)}`;
  if (groups.length > 0) text += `\nManagement Commands:\n${commandLines(groups)}`;
  if (others.length > 0) text += `\nCommands:\n${commandLines(others)}`;
  if (commands.length > 0) text += `\nRun '${name} COMMAND --help' for more information on a command.\n`;
  return text;
}

/** `Usage:  docker trust sign IMAGE:TAG` */
export function usageLine(path: Path): string {
  const above = path.slice(0, -1).map(commandName);
  return `Usage:  ${[...above, path.at(-1)?.use].join(" ")}`;
}

function commandLines(commands: Path): string {
  return commands.map((command) => `  ${commandName(command).padEnd(11)} ${command.short}\n`).join("");
}

function flagLines(flags: readonly FlagSpec[], columns: number): string {
  const heads = flags.map(flagHead);
  const indent = Math.max(...heads.map((head) => head.length)) + 3;
  return flags
    .map(({ usage, default: value }, at) => {
      const text = value === undefined ? usage : `${usage} (default "${value}")`;
      return `${heads[at]?.padEnd(indent)}${wrap(text, columns - indent).join(`\n${" ".repeat(indent)}`)}\n`;
    })
    .join("");
}

function flagHead({ name, shorthand, type }: FlagSpec): string {
  const head = shorthand === undefined ? `      --${name}` : `  -${shorthand}, --${name}`;
  return type === "bool" ? head : `${head} ${type}`;
}

/** Lines of a text broken at blanks. */
function wrap(text: string, width: number): string[] {
  const end = text.lastIndexOf(" ", width - overhang - 1);
  if (text.length < width || end <= 0) return [text];
  return [text.slice(0, end), ...wrap(text.slice(end + 1), width)];
}
