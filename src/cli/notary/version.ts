import type { Action } from "../compat/run.ts";
import { usageText } from "../compat/usage.ts";
import { productVersion } from "../productVersion.ts";

/** `notary version`. The lines are the original's; what is behind them is ours. */
export const version: Action = ({ ui }) => {
  ui.print(`notary\n Version:    ${productVersion()}\n Git commit: \n Go version: ${runtime}\n`);
};

/** `notary` without a command: its version when asked for, else how to use it. */
export const versionOrUsage: Action = ({ program, flags, ui }) => {
  const line = `notary Version: ${productVersion()}, Git commit: , Go version: ${runtime}\n`;
  ui.print(flags.bool("version") ? line : usageText([program]));
};

const runtime = `node ${process.version}`;
