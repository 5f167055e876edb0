import { KeyStore } from "../../keys/keyStore.ts";
import { cachedByRole, firstOf, fromEnvironment } from "../../keys/passphrase.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Access } from "../../notary/trustServer.ts";
import { dockerConfigDirectory } from "../../oci/dockerConfig.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { isLoopbackHost } from "../../transport/loopback.ts";
import { Collection } from "../../trust/collection.ts";
import { dockerTrustDir } from "../../trust/directories.ts";
import { gunOfImage } from "../../trust/gun.ts";
import { PinPolicy } from "../../trust/pins.ts";
import type { CompatLog } from "../compat/log.ts";
import { trustServerOf } from "../imageCollection.ts";
import { askPassphrases, dockerRoleName } from "../passphrasePrompt.ts";
import type { Ui } from "../ui.ts";

/** What the commands of `docker trust` share: key store, passphrases, and the way to a collection. */
export class TrustClient {
  readonly keys: KeyStore;
  readonly passphrases: PassphraseSource;
  readonly #log: CompatLog;

  constructor({ ui, log }: { readonly ui: Ui; readonly log: CompatLog }) {
    this.#log = log;
    this.keys = new KeyStore(trustDirectory(), { onWarning: (text) => log.warning(text) });
    this.passphrases = dockerPassphrases(ui);
  }

  /**
   * Works on the collection that speaks for an image, by Docker's rules: a first root is believed. The connection lasts as
   * long as the work.
   * @throws what trustServerOf and the work throw
   */
  async withCollection<T>(image: ImageName, rights: Access, work: (collection: Collection) => Promise<T>): Promise<T> {
    // Docker takes any certificate wherever the registry is this machine; we only where the trust server is, too.
    const here = isLoopbackHost(URL.parse(`https://${image.domain}`)?.hostname ?? "");
    const insecureSkipVerify = (hostname: string): boolean => here && isLoopbackHost(hostname);
    const server = await trustServerOf(image, { rights, insecureSkipVerify });
    const collection = Collection.open({
      gun: gunOfImage(image),
      trustDir: trustDirectory(),
      server,
      pins: PinPolicy.fromNotary(undefined),
      keys: this.keys,
      passphrases: this.passphrases,
      onWarning: ({ level, message }) => this.#log[level](message),
    });
    try {
      return await work(collection);
    } finally {
      server.close();
    }
  }
}

/** Where Docker keeps keys and cached metadata. */
export function trustDirectory(): string {
  return dockerTrustDir(dockerConfigDirectory());
}

/**
 * Where `docker trust` gets passphrases: DOCKER_CONTENT_TRUST_*_PASSPHRASE, else questions, whose answers are read from the
 * terminal or from standard input and remembered per role.
 */
export function dockerPassphrases(ui: Ui): PassphraseSource {
  return firstOf(
    fromEnvironment("docker"),
    cachedByRole(askPassphrases((text) => ui.print(text), { called: dockerRoleName, fromInput: true })),
  );
}
