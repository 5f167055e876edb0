import type { PublisherKeys } from "../../keys/keyRing.ts";
import { KeyStore } from "../../keys/keyStore.ts";
import { cachedByRole, environmentVariable, firstOf, fromEnvironment } from "../../keys/passphrase.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Access } from "../../notary/trustServer.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { parseImageName } from "../../oci/imageName.ts";
import type { Collection } from "../../trust/collection.ts";
import type { LastSeen } from "../../trust/lastSeen.ts";
import { openKeyRing } from "../custodies.ts";
import { CliError } from "../errors.ts";
import { ownPlaces, withImageCollection } from "../imageCollection.ts";
import { explainingUnpinned, pinsFor } from "../imageDecision.ts";
import { askPassphrases } from "../passphrasePrompt.ts";
import { readPin } from "../trustOptions.ts";
import type { Ui } from "../ui.ts";

/** How often a passphrase is asked for before a ceremony gives up. */
const tries = 3;

export const placeOptions = { "trust-dir": { type: "string" } } as const;

export const placeOptionsHelp = `  --trust-dir DIR       keys, cache and staged changes, as Docker and Notary have them. Default: trust in Docker's configuration
                        directory, ~/.docker; Notary's own is ~/.notary`;

type PlaceValues = { readonly "trust-dir"?: string | undefined };

/** What a machine of a ceremony has: keys, cache, the versions it has seen. */
export class CeremonyPlace {
  readonly trustDir: string;
  readonly lastSeen: LastSeen;
  readonly keys: PublisherKeys;
  readonly passphrases: PassphraseSource;
  readonly #ui: Ui;

  constructor(options: PlaceValues, ui: Ui) {
    const own = ownPlaces();
    this.trustDir = options["trust-dir"] ?? own.trustDir;
    this.lastSeen = own.lastSeen;
    const warn = (text: string): void => ui.warn(text);
    this.keys = openKeyRing(new KeyStore(this.trustDir, { onWarning: warn }), { warn });
    this.passphrases = ceremonyPassphrases(ui);
    this.#ui = ui;
  }

  /** Works on a collection of a trust server. @throws CliError CLI_UNPINNED; what the work throws */
  async withCollection<T>(
    image: ImageName,
    options: Parameters<typeof readPin>[0] & { readonly server?: string | undefined },
    work: (collection: Collection) => Promise<T>,
    rights: Access = "pull",
  ): Promise<T> {
    const { trustDir, lastSeen, keys, passphrases } = this;
    const access = { server: options.server, ui: this.#ui };
    const place = { trustDir, lastSeen, keys, passphrases, pins: pinsFor(image, readPin(options)) };
    return await explainingUnpinned(image, access, () => withImageCollection(image, access, place, work, rights));
  }
}

/** The collection that the command line names, as Docker reads names. @throws CliError CLI_USAGE */
export function collectionNamed(text: string): ImageName {
  const name = parseImageName(text);
  if (name.tag !== undefined || name.digest !== undefined) {
    throw new CliError(
      "CLI_USAGE",
      `a ceremony is about a collection, not about one image: leave out what follows the name in ${text}`,
    );
  }
  return name;
}

/** Says where the trust server of a collection is. @throws CliError CLI_USAGE */
export function imageOfGun(gun: string): ImageName {
  const slash = gun.indexOf("/");
  if (slash < 0) {
    throw new CliError("CLI_USAGE", `the name ${gun} does not say on which host its collection is`);
  }
  return { domain: gun.slice(0, slash), path: gun.slice(slash + 1) };
}

/** From the environment, Docker's variables before Notary's, else asked for on the terminal. */
function ceremonyPassphrases(ui: Ui): PassphraseSource {
  const asked = cachedByRole(askPassphrases((text) => ui.ask(text)));
  return firstOf(
    fromEnvironment("docker"),
    fromEnvironment("notary"),
    async (request) => (request.create || request.attempt < tries ? await asked(request) : undefined),
    async ({ role, create, attempt }) => {
      if (attempt > 0 || process.stdin.isTTY) return undefined;
      const what = `the passphrase of the ${create ? "new " : ""}${role} key`;
      throw new CliError("CLI_PASSPHRASE", `there is no terminal to ask for ${what} on`, {
        hint: `Set ${environmentVariable("docker", role)}.`,
      });
    },
  );
}
