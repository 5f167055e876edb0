import { UsageMistake } from "../compat/flags.ts";
import { CompatLog } from "../compat/log.ts";
import { productVersion } from "../productVersion.ts";
import { exitCodeOf } from "../ui.ts";
import type { Ui } from "../ui.ts";
import { takeGlobalFlags } from "./globalFlags.ts";
import type { GlobalFlags } from "./globalFlags.ts";
import { runDockerTrust } from "./run.ts";

type Run = (args: readonly string[], ui: Ui) => Promise<number>;

/** `countersign trust …` */
export const trust: Run = async (args, ui) => {
  if (args[0] === "install-plugin") {
    const { installPlugin } = await import("./installPlugin.ts");
    try {
      return await installPlugin(args.slice(1), ui);
    } catch (error) {
      ui.fail(error);
      return exitCodeOf(error);
    }
  }
  return await runDockerTrust(["trust", ...args], ui, new CompatLog());
};

/** The plugin `docker-trust`, which Docker's command line calls with its own flags, `trust`, and what follows. */
export const dockerTrust: Run = async (args, ui) => {
  return await asPlugin("Manage trust on Docker images", args, ui, ({ words, log }) => {
    const called = /^(?:trust|help|__complete(?:NoDesc)?)$/.test(words[0] ?? "");
    return runDockerTrust(called ? words : ["trust", ...words], ui, log);
  });
};

/** The plugin `docker-countersign`: `docker countersign …` is `countersign …`. */
export async function dockerCountersign(args: readonly string[], ui: Ui, commandLine: Run): Promise<number> {
  return await asPlugin("Sign and verify images, without an engine too", args, ui, ({ words }) => {
    const [first, ...rest] = words;
    if (first === "help") return commandLine([...rest.slice(1), "--help"], ui);
    return commandLine(first === "countersign" ? rest : words, ui);
  });
}

/** Answers Docker's question what this plugin is, and takes the flags off that stand before the command. */
async function asPlugin(
  description: string,
  args: readonly string[],
  ui: Ui,
  run: (flags: GlobalFlags) => Promise<number>,
): Promise<number> {
  if (args[0] === "docker-cli-plugin-metadata") {
    ui.printJson({
      SchemaVersion: "0.1.0",
      Vendor: "Countersign",
      Version: `v${productVersion()}`,
      ShortDescription: description,
    });
    return 0;
  }
  let flags: GlobalFlags;
  try {
    flags = takeGlobalFlags(args);
  } catch (error) {
    ui.note(error instanceof Error ? error.message : String(error));
    return error instanceof UsageMistake ? 125 : 1;
  }
  return await run(flags);
}
