import type { Ceremony } from "../../trust/ceremony.ts";
import type { Collection } from "../../trust/collection.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { trustOptions, trustOptionsHelp } from "../trustOptions.ts";
import { createCeremonyFile, requireNoFile } from "./ceremonyFiles.ts";
import { CeremonyPlace, collectionNamed, placeOptions, placeOptionsHelp } from "./ceremonyPlace.ts";
import { ceremonyAsJson, progressText, proposalText } from "./ceremonyText.ts";
import { changeHelp, readChange } from "./changeOption.ts";

const usualDays = 30;
const mostDays = 3650;

const help = `Propose a change to a collection, to be signed by several people on several machines.

Usage: countersign ceremony start GUN --change CHANGE… --out FILE [OPTIONS]

The collection is fetched and verified; FILE then holds the bytes that are to be signed, the root they follow, and who has to
sign. No private key is needed here, and nothing is published.

${changeHelp}

  --new                 begin a collection that nobody has begun yet: say the keys and thresholds of root and targets. The trust
                        server keeps the keys for snapshot and timestamp
  --out FILE            where the proposal goes; must not exist
  --valid-days N        how long it can be signed and published. Default: ${usualDays}
${trustOptionsHelp}
${placeOptionsHelp}
  --json                the proposal as one JSON document
  --help                show this text

Exit code: 0 proposed, 2 the change cannot be made, 3 the collection there cannot be trusted, 4 could not decide, 1 anything else.

Example:
  $ countersign ceremony start registry.example/team/app --change root:threshold=2 --change root:add-key=bob.crt --out app.ceremony
`;

/** `countersign ceremony start GUN --change … --out FILE` */
export const start = nativeCommand({
  help,
  options: {
    ...trustOptions,
    ...placeOptions,
    change: { type: "string", multiple: true },
    new: { type: "boolean" },
    out: { type: "string" },
    "valid-days": { type: "string" },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const [gun, ...more] = args;
    const { change = [], out } = options;
    if (gun === undefined || more.length > 0) throw new CliError("CLI_USAGE", "ceremony start takes one collection");
    if (change.length === 0) throw new CliError("CLI_USAGE", "say with --change what is to be signed");
    if (out === undefined) throw new CliError("CLI_USAGE", "say with --out where the proposal shall go");
    const validDays = readDays(options["valid-days"]);
    requireNoFile(out);
    const image = collectionNamed(gun);
    const changes = change.map((text) => readChange(text, new Date(), ui));
    const place = new CeremonyPlace(options, ui);
    const rights = options.new === true ? "pull,push" : "pull"; // The trust server makes keys for whoever may publish.
    const propose = (collection: Collection): Promise<Ceremony> => {
      return collection.startCeremony({ changes, validDays, begin: options.new });
    };
    const ceremony = await place.withCollection(image, options, propose, rights);
    await createCeremonyFile(out, ceremony.encode());
    if (options.json === true) ui.printJson({ file: out, ...ceremonyAsJson(ceremony) });
    else {
      ui.print(`${proposalText(ceremony)}\n${progressText(ceremony)}`);
      ui.note(`written to ${out}: have it signed with countersign ceremony sign, and tell the signers the digest`);
    }
    return 0;
  },
});

function readDays(text: string | undefined): number {
  const days = text === undefined ? usualDays : Number(text);
  if (Number.isSafeInteger(days) && days >= 1 && days <= mostDays) return days;
  throw new CliError("CLI_USAGE", `--valid-days takes a number from 1 to ${mostDays}, not ${text}`);
}
