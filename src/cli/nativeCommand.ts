import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";
import { CliError } from "./errors.ts";
import type { Ui } from "./ui.ts";

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true; strict: true }>
>["values"];

export interface NativeInput<Options extends ParseArgsOptionsConfig> {
  readonly options: Values<Options>;
  readonly args: readonly string[];
  readonly ui: Ui;
}

/** Runs with the arguments behind the command's name; the result is the exit code. */
export type NativeCommand = (args: readonly string[], ui: Ui) => Promise<number>;

/**
 * A command of our own: reads its options, answers `--help`, and runs.
 * @throws CliError CLI_USAGE from the command for an unknown option, or one without its value
 */
export function nativeCommand<const Options extends ParseArgsOptionsConfig>(command: {
  /** Written by hand, with a real example at the end. */
  readonly help: string;
  readonly options: Options;
  readonly run: (input: NativeInput<Options>) => Promise<number>;
}): NativeCommand {
  return async (args, ui) => {
    const { values, positionals } = readOptions(args, { ...command.options, help: { type: "boolean", short: "h" } });
    if (values["help"] === true) {
      ui.print(command.help);
      return 0;
    }
    return await command.run({ options: values as Values<Options>, args: positionals, ui });
  };
}

function readOptions(
  args: readonly string[],
  options: ParseArgsOptionsConfig,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const { message } = error as Error;
    const sentence = message.split(/\. |\n/, 1)[0] ?? message;
    throw new CliError("CLI_USAGE", sentence.charAt(0).toLowerCase() + sentence.slice(1), { cause: error });
  }
}
