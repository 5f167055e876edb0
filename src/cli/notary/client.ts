import { readFileSync } from "node:fs";
import { goFileError } from "../compat/goText.ts";
import type { CompatLog } from "../compat/log.ts";
import type { Invocation } from "../compat/run.ts";
import type { KeyRing } from "../../keys/keyRing.ts";
import { KeyStore } from "../../keys/keyStore.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { TlsOptions } from "../../transport/tlsOptions.ts";
import type { TrustServer } from "../../notary/trustServer.ts";
import { Collection } from "../../trust/collection.ts";
import type { LastSeen } from "../../trust/lastSeen.ts";
import { PinPolicy } from "../../trust/pins.ts";
import { openKeyRing } from "../custodies.ts";
import type { Ui } from "../ui.ts";
import { readNotaryConfig } from "./config.ts";
import type { NotaryConfig } from "./config.ts";
import { environmentCredentials, publisherCredentials } from "./credentials.ts";
import { notaryPassphrases } from "./passphrases.ts";

/** Which rights a command asks the token service for; `offline` does not use the server. */
export type Access = "offline" | "pull" | "push,pull" | "*";

/** What the commands of `notary` share: configuration, key store, passphrases, and the way to a collection. */
export class NotaryClient {
  readonly config: NotaryConfig;
  readonly keys: KeyStore;
  /** Those keys, and where else the user's configuration says that there are some. */
  readonly keyRing: KeyRing;
  readonly passphrases: PassphraseSource;
  readonly #ui: Ui;
  readonly #log: CompatLog;

  constructor({ flags, log, ui }: Invocation) {
    log.level = flags.bool("debug") ? "debug" : flags.bool("verbose") ? "info" : "warning";
    this.#ui = ui;
    this.#log = log;
    this.config = readNotaryConfig(flags, log);
    this.keys = new KeyStore(this.config.trustDir, { onWarning: (text) => log.warning(text) });
    this.keyRing = openKeyRing(this.keys, { warn: (text) => log.warning(text) });
    this.passphrases = notaryPassphrases(ui);
  }

  /**
   * Opens a collection; unless offline, after the server has been asked whether it is there.
   * @param lastSeen what the native commands remember, to be forgotten with the rest. Reading does not ask it, as in the original
   */
  async collection(gun: string, access: Access, lastSeen?: LastSeen): Promise<Collection> {
    const pins = PinPolicy.fromNotary(this.config.trustPinning);
    const server = access === "offline" ? undefined : await this.#connect(access);
    return Collection.open({
      gun,
      trustDir: this.config.trustDir,
      ...(server && { server }),
      pins,
      lastSeen,
      keys: this.keyRing,
      passphrases: this.passphrases,
      onWarning: ({ level, message }) => this.#log[level](message),
    });
  }

  async #connect(access: Exclude<Access, "offline">): Promise<TrustServer> {
    const { server: url } = this.config;
    const { TrustServer } = await import("../../notary/trustServer.ts");
    const server = new TrustServer({
      url,
      access,
      // Questions only where something is written: a command that reads may have its input for other things.
      credentials: async () =>
        access === "pull" ? environmentCredentials(this.#log) : await publisherCredentials(this.#ui, this.#log),
      tls: this.#tls(),
      userAgent: "Go-http-client/1.1",
      environment: process.env,
    });
    const ping = await server.ping();
    if (!ping.online) {
      this.#log.error(`could not reach ${url}: ${ping.reason}`);
      this.#log.info("continuing in offline mode");
    }
    return server;
  }

  #tls(): TlsOptions {
    const { rootCa, clientCertificate, clientKey, skipTlsVerify } = this.config;
    if ((clientCertificate === undefined) !== (clientKey === undefined)) {
      throw new Error("either pass both client key and cert, or neither");
    }
    return {
      ...(rootCa !== undefined && { ca: [readAuthorities(rootCa)], onlyTheseAuthorities: true }),
      ...(clientCertificate !== undefined &&
        clientKey !== undefined && {
          clientCertificates: [
            {
              cert: readPem(clientCertificate, "Could not load X509 key pair"),
              key: readPem(clientKey, "Could not load X509 key pair"),
            },
          ],
        }),
      insecureSkipVerify: skipTlsVerify,
    };
  }
}

function readAuthorities(file: string): string {
  const pem = readPem(file, `could not read CA certificate "${file}"`);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new Error(`unable to configure TLS: failed to append certificates from PEM file: "${file}"`);
}

function readPem(file: string, trouble: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`unable to configure TLS: ${trouble}: ${goFileError("open", file, error)}`, { cause: error });
  }
}
