import { nativeCommand } from "../nativeCommand.ts";
import { trustOptions, trustOptionsHelp } from "../trustOptions.ts";
import { onlyFile, readCeremony } from "./ceremonyFiles.ts";
import { CeremonyPlace, imageOfGun, placeOptions, placeOptionsHelp } from "./ceremonyPlace.ts";

const help = `Publish what a ceremony has signed.

Usage: countersign ceremony finish FILE [OPTIONS]

The collection as it would be is first judged by every rule that consumers go by; then it is published in one upload, or not at
all. If the collection is no longer the one that was signed for, the ceremony has to be started again. Finishing twice is harmless.

${trustOptionsHelp}
${placeOptionsHelp}
  --json                the result as one JSON document
  --help                show this text

The snapshot is signed here if its key is, otherwise by the trust server.

Exit code: 0 published, or it was already; 1 signatures are missing, or anything else; 3 refused, 4 could not decide, 2 wrong
usage.

Example:
  $ countersign ceremony finish app.ceremony
`;

/** `countersign ceremony finish FILE` */
export const finish = nativeCommand({
  help,
  options: { ...trustOptions, ...placeOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const ceremony = await readCeremony(onlyFile("finish", args), new Date());
    const { gun, digest } = ceremony;
    const place = new CeremonyPlace(options, ui);
    const { published, versions } = await place.withCollection(
      imageOfGun(gun),
      options,
      (collection) => collection.finishCeremony(ceremony),
      "pull,push",
    );
    if (options.json === true) {
      ui.printJson({ gun, digest, published, versions: Object.fromEntries(versions) });
      return 0;
    }
    ui.print(
      [
        `${ui.emphasise("green", published ? "published" : "was published before:")} ${gun}`,
        ...[...versions].map(([role, version]) => `  ${role}   version ${version}`),
        "",
      ].join("\n"),
    );
    return 0;
  },
});
