import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import type { KeyDescription } from "../../keys/custody.ts";
import { formatTable, notaryLayout } from "../table.ts";
import { NotaryClient } from "./client.ts";

const longestGun = 25;
const longestLocation = 40;

/** `notary key list` */
export const keyList: Action = async (invocation) => {
  const { args, ui } = invocation;
  if (args.length > 0) throw new UsageMistake("", { showsUsage: true });
  const { keyRing } = new NotaryClient(invocation);
  const found = (await keyRing.inventory()).flatMap(({ custody, keys = [] }) =>
    keys.map((key) => ({ ...key, location: custody.location })),
  );
  if (found.length === 0) {
    ui.print("\nNo signing keys found.\n\n");
    return;
  }
  const header = ["ROLE", "GUN", "KEY ID", "LOCATION"];
  const rows = found
    .toSorted(byRootGunRole)
    .map(({ role, gun, id, location }) => [
      role,
      cutLeft(gun ?? "", longestGun),
      id,
      cutLeft(location, longestLocation),
    ]);
  const table = formatTable([header, header.map((title) => "-".repeat(title.length)), ...rows], notaryLayout);
  ui.print(`\n${table}\n`);
};

/** Root keys first, then by collection, role and ID. */
function byRootGunRole(a: KeyDescription, b: KeyDescription): number {
  const order = (key: KeyDescription): string[] => [key.role === "root" ? "" : "x", key.gun ?? "", key.role, key.id];
  const [one, other] = [order(a), order(b)];
  const at = one.findIndex((part, index) => part !== other[index]);
  return at < 0 ? 0 : (one[at] ?? "") < (other[at] ?? "") ? -1 : 1;
}

function cutLeft(text: string, longest: number): string {
  return text.length <= longest ? text : `...${text.slice(text.length - longest + 3)}`;
}
