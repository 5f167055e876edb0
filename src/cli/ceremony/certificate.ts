import { generateKey } from "../../keys/generate.ts";
import { selfSignedCertificate } from "../../keys/rootCertificate.ts";
import { gunOfImage } from "../../trust/gun.ts";
import { canonicalKeyId } from "../../tuf/key.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { createCeremonyFile, requireNoFile } from "./ceremonyFiles.ts";
import { CeremonyPlace, collectionNamed, placeOptions, placeOptionsHelp } from "./ceremonyPlace.ts";

const help = `Write the certificate in which a collection's root lists a key of this machine.

Usage: countersign ceremony certificate GUN --out FILE [OPTIONS]

A new root key is made, unless --key names one. Its private half stays in this machine's key store; FILE holds nothing secret and
goes to whoever starts the ceremony: --change root:add-key=FILE. No network is needed.

  --out FILE            where the certificate goes; must not exist
  --key ID              a root key that is here already
${placeOptionsHelp}
  --json                the result as one JSON document
  --help                show this text

Exit code: 0 written, 2 wrong usage, 1 anything else.

Example:
  $ countersign ceremony certificate registry.example/team/app --out bob.crt
`;

/** `countersign ceremony certificate GUN --out FILE` */
export const certificate = nativeCommand({
  help,
  options: {
    ...placeOptions,
    out: { type: "string" },
    key: { type: "string" },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const [name, ...more] = args;
    const { out } = options;
    if (name === undefined || more.length > 0) {
      throw new CliError("CLI_USAGE", "ceremony certificate takes one collection");
    }
    if (out === undefined) throw new CliError("CLI_USAGE", "say with --out where the certificate shall go");
    const gun = gunOfImage(collectionNamed(name));
    const { keys, passphrases, trustDir } = new CeremonyPlace(options, ui);
    requireNoFile(out); // Before a key is made for it.
    let id = options.key;
    if (id === undefined) {
      const made = generateKey("ecdsa");
      await keys.add(made, { role: "root" }, passphrases);
      id = made.publicKey.id;
    }
    const key = await selfSignedCertificate(await keys.get(id, passphrases), gun, new Date());
    await createCeremonyFile(out, key.bytes);
    const privateKey = canonicalKeyId(key);
    if (options.json === true) ui.printJson({ gun, file: out, id: key.id, privateKey });
    else {
      ui.print(`${key.id}\n`);
      ui.note(
        `the certificate is in ${out}, its private key ${privateKey} among the keys of ${trustDir}: keep a copy of that one`,
      );
    }
    return 0;
  },
});
