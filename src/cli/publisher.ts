import type { KeyRing } from "../keys/keyRing.ts";
import { KeyStore } from "../keys/keyStore.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import type { Access } from "../notary/trustServer.ts";
import type { Collection } from "../trust/collection.ts";
import type { Pin } from "../trust/pins.ts";
import { openKeyRing } from "./custodies.ts";
import { CliError } from "./errors.ts";
import { ownPlaces, withImageCollection } from "./imageCollection.ts";
import { explainingUnpinned, pinsFor } from "./imageDecision.ts";
import type { NamedCollection } from "./namedCollection.ts";
import { dockerPassphrases } from "./sign.ts";
import { readPin, trustOptions, trustOptionsHelp } from "./trustOptions.ts";
import type { Ui } from "./ui.ts";

/** The options of the commands that look after collections and keys. */
export const publisherOptions = {
  ...trustOptions,
  "trust-dir": { type: "string" },
  json: { type: "boolean" },
} as const;

export const publisherOptionsHelp = `${trustOptionsHelp}
  --trust-dir DIR       keys and cache, as Docker and Notary have them. Default: trust in Docker's configuration directory,
                        ~/.docker; \`notary\` uses ~/.notary
  --json                the result as one JSON document
  --help                show this text`;

type PublisherValues = Parameters<typeof readPin>[0] & {
  readonly server?: string | undefined;
  readonly "trust-dir"?: string | undefined;
};

/** A person with keys: where they are, how they are opened, and which root is trusted. */
export class Publisher {
  readonly ui: Ui;
  readonly trustDir: string;
  /** Where new keys are kept. */
  readonly keyFiles: KeyStore;
  readonly keys: KeyRing;
  readonly #server: string | undefined;
  readonly #pin: Pin;
  readonly #passphrases: PassphraseSource;

  /** @throws CliError CLI_USAGE */
  constructor(options: PublisherValues, ui: Ui) {
    this.ui = ui;
    this.trustDir = options["trust-dir"] ?? ownPlaces().trustDir;
    const warn = (text: string): void => ui.warn(text);
    this.keyFiles = new KeyStore(this.trustDir, { onWarning: warn });
    this.keys = openKeyRing(this.keyFiles, { warn });
    this.#server = options.server;
    this.#pin = readPin(options);
    this.#passphrases = dockerPassphrases(ui);
  }

  get passphrases(): PassphraseSource {
    return this.#passphrases;
  }

  /** The IDs of the keys at hand. */
  async held(): Promise<ReadonlySet<string>> {
    return new Set((await this.keys.list()).map(({ id }) => id));
  }

  /** Works on a collection; see withImageCollection. @throws CliError CLI_UNPINNED */
  async withCollection<T>(
    { image }: NamedCollection,
    work: (collection: Collection) => Promise<T>,
    rights: Access = "pull",
  ): Promise<T> {
    const access = { server: this.#server, ui: this.ui };
    const { trustDir, keys, passphrases } = this;
    const place = { trustDir, lastSeen: ownPlaces().lastSeen, pins: pinsFor(image, this.#pin), keys, passphrases };
    return await explainingUnpinned(image, access, () => withImageCollection(image, access, place, work, rights));
  }
}

const longestTime = 36_500;

/** A number of days from the command line. @throws CliError CLI_USAGE */
export function readDays(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const days = Number(text);
  if (/^\d+$/.test(text) && days <= longestTime) return days;
  throw new CliError("CLI_USAGE", `${option} takes a number of days from 0 to ${longestTime}, not ${text}`);
}

/** A day as people write it, in UTC. */
export function formatDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}
