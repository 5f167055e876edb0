import type { Plan } from "../trust/plan.ts";
import { formatDay } from "./publisher.ts";
import { formatTable } from "./table.ts";

const layout = { minimumWidth: 4, padding: 3 };

/** A plan to read: which files change and until when they then last, which keys sign, which keys come and go. */
export function formatPlan({ gun, files, signedByServer, newKeys, removedKeys }: Plan): string {
  if (files.length === 0) return `plan for ${gun}: nothing would be changed\n`;
  const rows = [
    ...files.map(({ role, version, expires, signedBy }) => {
      const keys = signedBy.map((name) => (name.startsWith("new ") ? `a ${name}` : `key ${name.slice(0, 12)}`));
      return [`  ${role}`, `version ${version}, until ${formatDay(expires)}`, `signed with ${keys.join(" and ")}`];
    }),
    ...signedByServer.map((role) => [`  ${role}`, "next version", "signed by the trust server"]),
    ...newKeys.map(({ role, keptBy }) => [
      `  new key`,
      role,
      `made and kept by ${keptBy === "trust server" ? "the trust server" : "this machine"}`,
    ]),
    ...removedKeys.map(({ role, id }) => [`  old key`, role, `${id.slice(0, 12)} is removed from this machine`]),
  ];
  return `plan for ${gun}: this would be published; nothing has been changed\n${formatTable(rows, layout)}`;
}
