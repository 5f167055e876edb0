import { printableJson, printableName } from "../transport/printable.ts";
import { repositoryAdmin, type Inspection, type NamedKeys, type SignedTag } from "./inspect.ts";
import { compareNaturally } from "./naturalOrder.ts";

/** Docker's tables: a column is at least 10 wide, and 3 wider than its longest cell. */
const minimumWidth = 10;
const padding = 3;
/** How much of a key ID the table of signers shows. */
const shortId = 12;

/** The bytes of `docker trust inspect IMAGE…`: one array, indented by four spaces. Control characters are escaped. */
export function renderInspectJson(inspections: readonly Inspection[]): string {
  const objects = inspections.map((inspection) => ({
    Name: inspection.name,
    SignedTags: inspection.signedTags.map(({ tag, digest, signers }) => ({
      SignedTag: tag,
      Digest: digest,
      Signers: signers.length === 0 ? [repositoryAdmin] : signers,
    })),
    Signers: inspection.signers.map(namedKeys),
    AdministrativeKeys: [
      namedKeys({ name: "Root", keyIds: inspection.rootKeyIds }),
      namedKeys({ name: "Repository", keyIds: inspection.repositoryKeyIds }),
    ],
  }));
  return `${printableJson(escapeAsGo(JSON.stringify(objects, null, 4)))}\n`;
}

/** The bytes of `docker trust inspect --pretty IMAGE`. Control characters in names are not written to the terminal. */
export function renderInspectPretty(inspection: Inspection): string {
  const { name, signedTags, signers, rootKeyIds, repositoryKeyIds } = inspection;
  const parts = [
    signedTags.length === 0
      ? `\nNo signatures for ${name}\n\n`
      : `\nSignatures for ${name}\n\n${table(["SIGNED TAG", "DIGEST", "SIGNERS"], signedTags.map(tagRow))}`,
  ];
  if (signers.length > 0) {
    const rows = signers.toSorted((a, b) => compareNaturally(a.name, b.name)).map(signerRow);
    parts.push(`\nList of signers and their keys for ${name}\n\n${table(["SIGNER", "KEYS"], rows)}`);
  }
  parts.push(
    `\nAdministrative keys for ${name}\n\n`,
    `  Repository Key:\t${repositoryKeyIds.toSorted().join(", ")}\n`,
    `  Root Key:\t${rootKeyIds.toSorted().join(", ")}\n`,
  );
  return parts.join("");
}

function namedKeys({ name, keyIds }: NamedKeys): { Name: string; Keys: { ID: string }[] } {
  return { Name: name, Keys: keyIds.map((id) => ({ ID: id })) };
}

function tagRow({ tag, digest, signers }: SignedTag): string[] {
  return [tag, digest, signers.length === 0 ? `(${repositoryAdmin})` : signers.toSorted().join(", ")];
}

function signerRow({ name, keyIds }: NamedKeys): string[] {
  const shown = keyIds.toSorted().map((id) => id.slice(0, shortId));
  return [name, shown.join(", ")];
}

/** Columns padded with blanks as Go's tabwriter does; the last one is not padded. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows.map((cells) => cells.map(printableName))];
  const widths = head.map(() => minimumWidth);
  for (const cells of lines) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column]!, width(cell) + padding);
    }
  }
  return lines
    .map((cells) => {
      const padded = cells.map((cell, column) => {
        return column === cells.length - 1 ? cell : cell + " ".repeat(widths[column]! - width(cell));
      });
      return `${padded.join("")}\n`;
    })
    .join("");
}

/** Characters, as Go counts them. */
function width(cell: string): number {
  return Array.from(cell).length;
}

/** Go's encoder also escapes what could end a script element. */
function escapeAsGo(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
