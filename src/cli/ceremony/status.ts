import { nativeCommand } from "../nativeCommand.ts";
import { onlyFile, readCeremony } from "./ceremonyFiles.ts";
import { ceremonyAsJson, progressText, proposalText } from "./ceremonyText.ts";

const help = `Show what a ceremony proposes, who has signed, and who is missing. Needs neither network nor keys.

Usage: countersign ceremony status [--json] FILE

Everything is computed from the bytes in the file and every signature is verified; a file that was edited on the way is refused.

  --json    one JSON document
  --help    show this text

Exit code: 0 the file is sound, complete or not; 3 refused; 1 it cannot be read; 2 wrong usage.

Example:
  $ countersign ceremony status app.ceremony
`;

/** `countersign ceremony status FILE` */
export const status = nativeCommand({
  help,
  options: { json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const ceremony = await readCeremony(onlyFile("status", args), new Date());
    if (options.json === true) ui.printJson(ceremonyAsJson(ceremony));
    else ui.print(`${proposalText(ceremony)}\n${progressText(ceremony)}`);
    return 0;
  },
});
