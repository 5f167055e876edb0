import { globSync } from "node:fs";
import { join } from "node:path";
import type { ErrorCatalogue } from "../../src/tuf/error.ts";

const project = join(import.meta.dirname, "../..");
const exitCodes = { refused: 3, unavailable: 4, usage: 2, failed: 1 } as const;

/** The text of docs/reference/errors.md, made from every room's catalogue. */
export async function errorReference(): Promise<string> {
  const sections: string[] = [];
  for (const file of globSync("src/*/errors.ts", { cwd: project }).toSorted()) {
    const room = file.split("/")[1] ?? "";
    const module = (await import(join(project, file))) as Record<string, ErrorCatalogue>;
    const entries = Object.entries(module[`${room}Errors`] ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rows = entries.map(
      ([code, { kind, cause, remedy }]) =>
        `### ${code}\n\nKind: ${kind} (exit code ${exitCodes[kind]}).\n\n${cause}\n\n**What to do:** ${remedy}`,
    );
    sections.push([`## ${room}`, ...rows].join("\n\n"));
  }
  const head = `# Error codes

Made from the catalogues in \`src/*/errors.ts\` by \`npm run docs:errors\`; a test holds both together. The kind decides the exit code of
the native commands; the compatible command lines keep the originals' codes.`;
  return `${[head, ...sections].join("\n\n")}\n`;
}
