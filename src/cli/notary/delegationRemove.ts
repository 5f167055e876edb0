import type { Action, Invocation } from "../compat/run.ts";
import { Aborted } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { isDelegation } from "../../tuf/role.ts";
import { NotaryClient } from "./client.ts";
import { confirmed } from "./confirm.ts";
import { pathsOf, shownPaths } from "./delegationPaths.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary delegation remove GUN ROLE [KEYID…] [--paths P,… | --all-paths]`; with neither the whole role goes. */
export const delegationRemove: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, role, ...keyIds] = args;
  if (gun === undefined || role === undefined) {
    throw new UsageMistake(
      "must specify the Global Unique Name and the role of the delegation along with optional keyIDs and/or a list of paths to remove",
      { showsUsage: true },
    );
  }
  if (!isDelegation(role)) throw new Error(`invalid delegation name ${role}`);
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  const paths = pathsOf(flags);
  const allPaths = paths?.includes("") === true;
  if (keyIds.length === 0 && paths === undefined) {
    await confirmRemoval(invocation);
    await collection.removeDelegation(role);
    ui.print(
      `\nForced removal (including all keys and paths) of delegation role ${role} to repository "${gun}" staged for next publish.\n\n`,
    );
  } else {
    if (allPaths) await collection.clearDelegationPaths(role);
    await collection.removeDelegationKeysAndPaths(role, keyIds, allPaths ? [] : (paths ?? []));
    const parts = [
      ...(keyIds.length > 0 ? [`with keys [${keyIds.join(" ")}], `] : []),
      ...(allPaths
        ? ["with all paths, "]
        : paths === undefined
          ? []
          : [`with paths [${shownPaths(paths).join("\n")}], `]),
    ];
    ui.print(
      `\nRemoval of delegation role ${role} ${parts.join("")}to repository "${gun}" staged for next publish.\n\n`,
    );
  }
  await publishIfAsked(invocation, client, gun);
};

async function confirmRemoval({ flags, ui }: Invocation): Promise<void> {
  const question = "\nAre you sure you want to remove all data for this delegation? (yes/no)\n";
  if (flags.bool("yes")) ui.print(`${question}Confirmed \`yes\` from flag\n`);
  else if (!(await confirmed(ui, question))) throw new Aborted("Aborting action.");
}
