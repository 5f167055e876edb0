import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { compareCodePoints } from "../../tuf/codePointOrder.ts";
import { encodeHex } from "../../tuf/encoding.ts";
import { formatTable, notaryLayout } from "../table.ts";
import { NotaryClient } from "./client.ts";
import { rolesOf } from "./roles.ts";

/** `notary list GUN` */
export const list: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const collection = await new NotaryClient(invocation).collection(gun, "pull");
  const targets = await collection.listTargets(rolesOf(flags));
  if (targets.length === 0) {
    ui.print("\nNo targets present in this repository.\n\n");
    return;
  }
  const rows = targets
    .toSorted((a, b) => compareCodePoints(a.name, b.name))
    .map(({ name, meta, role }) => [name, hexSha256(meta.hashes), String(meta.length), role]);
  const header = ["NAME", "DIGEST", "SIZE (BYTES)", "ROLE"];
  ui.print(formatTable([header, header.map((title) => "-".repeat(title.length)), ...rows], notaryLayout));
};

/** As `list` and `lookup` show it; empty when the target has none. */
export function hexSha256(hashes: ReadonlyMap<string, Uint8Array>): string {
  const digest = hashes.get("sha256");
  return digest === undefined ? "" : encodeHex(digest);
}
