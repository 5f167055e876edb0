import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { formatTable, notaryLayout } from "../table.ts";
import { NotaryClient } from "./client.ts";

/** `notary status GUN` */
export const status: Action = async (invocation) => {
  const { args, ui } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const collection = await new NotaryClient(invocation).collection(gun, "offline");
  const changes = await collection.changes();
  if (changes.length === 0) {
    ui.print(`No unpublished changes for ${gun}\n`);
    return;
  }
  const rows = changes.map(({ action, scope, type, path }, number) => [String(number), action, scope, type, path]);
  const header = ["#", "ACTION", "SCOPE", "TYPE", "PATH"];
  const table = formatTable([header, header.map((title) => "-".repeat(title.length)), ...rows], notaryLayout);
  ui.print(`Unpublished changes for ${gun}:\n\n${table}`);
};
