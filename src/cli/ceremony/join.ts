import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { readCeremony, updateCeremonyFile } from "./ceremonyFiles.ts";
import { ceremonyAsJson, progressText } from "./ceremonyText.ts";

const help = `Add to the file of a ceremony the signatures of copies that were signed apart.

Usage: countersign ceremony join [--json] FILE OTHER…

FILE gets the signatures of all of them; those it has stay. Copies that propose something else are refused.

  --json    the result as one JSON document
  --help    show this text

Exit code: 0 joined; 3 refused, and FILE is as it was; 1 a file cannot be read or written; 2 wrong usage.

Example:
  $ countersign ceremony join app.ceremony from-bob.ceremony from-carol.ceremony
`;

/** `countersign ceremony join FILE OTHER…` */
export const join = nativeCommand({
  help,
  options: { json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const [file, ...others] = args;
    if (file === undefined || others.length === 0)
      throw new CliError("CLI_USAGE", "ceremony join takes two files or more");
    const now = new Date();
    let ceremony = await readCeremony(file, now);
    for (const other of others) ceremony = ceremony.joinedWith(await readCeremony(other, now));
    const joined = await updateCeremonyFile(file, ceremony, now);
    if (options.json === true) ui.printJson({ file, ...ceremonyAsJson(joined) });
    else ui.print(progressText(joined));
    return 0;
  },
});
