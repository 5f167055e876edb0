import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";

/** `notary reset GUN -n NUMBER,… | --all`. Numbers that are not in the list are passed over. */
export const reset: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const numbers = flags.ints("number");
  if (!flags.bool("all") && numbers.length === 0) {
    throw new UsageMistake("Must specify changes to reset with -n or the --all flag", { showsUsage: true });
  }
  const collection = await new NotaryClient(invocation).collection(gun, "offline");
  await collection.resetChanges(flags.bool("all") ? "all" : numbers);
  ui.print(`Successfully reset specified changes for repository ${gun}\n`);
};
