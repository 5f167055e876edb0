import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import type { DelegationInfo } from "../../trust/collection.ts";
import { formatTable, notaryLayout } from "../table.ts";
import { NotaryClient } from "./client.ts";
import { shownPaths } from "./delegationPaths.ts";

/** `notary delegation list GUN` */
export const delegationList: Action = async (invocation) => {
  const { args, ui } = invocation;
  const [gun] = args;
  if (gun === undefined || args.length !== 1) {
    throw new UsageMistake("Please provide a Global Unique Name as an argument to list", { showsUsage: true });
  }
  const collection = await new NotaryClient(invocation).collection(gun, "pull");
  const delegations = await collection.delegations().catch((error: Error) => {
    throw new Error(`Error retrieving delegation roles for repository ${gun}: ${error.message}`, { cause: error });
  });
  if (delegations.length === 0) {
    ui.print("\n\nNo delegations present in this repository.\n\n\n");
    return;
  }
  const header = ["ROLE", "PATHS", "KEY IDS", "THRESHOLD"];
  const rows = delegations.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap(rowsOf);
  const table = formatTable([header, header.map((title) => "-".repeat(title.length)), ...rows], notaryLayout);
  ui.print(`\n${table}\n`);
};

/** One row per further path or key. */
function rowsOf({ name, paths, keyIds, threshold }: DelegationInfo): string[][] {
  const shown = shownPaths(paths);
  const ids = keyIds.toSorted();
  return Array.from({ length: Math.max(1, shown.length, ids.length) }, (_, line) =>
    line === 0 ? [name, shown[0] ?? "", ids[0] ?? "", String(threshold)] : ["", shown[line] ?? "", ids[line] ?? "", ""],
  );
}
