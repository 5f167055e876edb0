import { CliError } from "./errors.ts";
import { productVersion } from "./productVersion.ts";
import type { NativeCommand } from "./nativeCommand.ts";

const overview = `Docker Content Trust: sign images, verify them, and run the server that keeps the signatures.

Usage: countersign COMMAND [ARGUMENTS]

  up                start a registry with its trust server and signing service on this machine
  demo              see in a moment what all this is about: five attacks, each refused
  push … IMAGE      push an image from the Docker engine, an OCI layout or a tar to a registry
  pull IMAGE …      pull a signed image, every byte checked, into the Docker engine, an OCI layout or a tar
  copy IMAGE IMAGE  copy an image between registries: all platforms, and what refers to it
  compare A B       say whether two images are the same, and whose signature that proves
  sign IMAGE…       sign images as they are in the registry, all platforms at once
  verify IMAGE…     decide whether images are signed by whom you trust: 0 yes, 3 no, 4 could not decide
  inspect IMAGE…    show who signed what, as \`docker trust inspect\` does
  init IMAGE        begin a collection for the images of a repository, before the first is signed
  expiry [GUN…]     list what runs out when, and who can renew it: 3 when something is about to
  renew GUN…        sign what is about to run out anew, with the keys that are here
  rotate GUN ROLE   replace the key of a role; hand the snapshot key to the trust server, or take it back
  ceremony …        sign with several keys on several machines, offline too: start, sign, status, finish
  key …             look after private keys: list, generate, import, backup, restore, remove
  trust …           the command line of \`docker trust\`: sign, revoke, signer, key, inspect; \`trust install-plugin\` gives
                    Docker's own command line \`docker countersign\` and, from version 29 on, \`docker trust\` again
  notary …          the command line of Notary's client: init, add, publish, list, key, delegation, …
  version           show the version

Every command explains itself with --help. Called by the name notary, the program is \`countersign notary\`.

Example:
  $ countersign up --data ./trust
  $ countersign verify --first-use accept registry.example/team/app:1.0
`;

export const help: NativeCommand = async (_args, ui) => {
  ui.print(overview);
  return 0;
};

export const version: NativeCommand = async (_args, ui) => {
  ui.print(`countersign ${productVersion()} (node ${process.version})\n`);
  return 0;
};

/** The error for a word that is none of the commands; the hint names those that begin alike. */
export function unknownCommand(word: string, commands: readonly string[]): CliError {
  const typed = word.toLowerCase().slice(0, 2);
  const near = typed.length === 2 ? commands.filter((name) => name.startsWith(typed)) : [];
  const hint =
    near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "Run countersign --help for the list of commands.";
  return new CliError("CLI_USAGE", `there is no command ${JSON.stringify(word)}`, { hint });
}
