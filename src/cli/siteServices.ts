import { join } from "node:path";
import type { Logger } from "../http/logger.ts";
import { createMetrics } from "../http/metrics.ts";
import { createRegistry, type Registry } from "../registry/app.ts";
import { openFilesystemStore } from "../registry/filesystemStore.ts";
import type { SignedContent } from "../registry/signedContent.ts";
import { createTrustServer, type TrustServer } from "../server/app.ts";
import { SqliteStore } from "../server/sqliteStore.ts";
import { LocalSigningService } from "../signer/localSigningService.ts";
import { aliasFromFile } from "../signer/passphraseAliases.ts";
import { SqliteKeyTable } from "../signer/sqliteKeyTable.ts";
import { PinPolicy } from "../trust/pins.ts";
import { signedOnlyRules, type SignedOnlyConfig } from "./signedOnlyConfig.ts";
import type { SiteSettings } from "./siteSettings.ts";
import { StoredSignatures } from "./storedSignatures.ts";

export interface SiteServicesOptions {
  /** Everything is kept in this directory. */
  readonly data: string;
  readonly settings: SiteSettings;
  /** `host:port` of the site, asked once requests come. */
  readonly address: () => string;
  readonly logger: Logger;
}

/** Registry and trust server with its signing service, not listening. */
export interface SiteServices {
  readonly registry: Registry;
  readonly trustServer: TrustServer;
  /** Stop listening first. */
  close(): Promise<void>;
}

/**
 * Opens all services over one data directory, which no other process can use meanwhile.
 * @throws ServerError SERVER_STORE_OPEN, RegistryError REGISTRY_STORE_OPEN, KeysError, SignerError
 */
export async function openSiteServices(options: SiteServicesOptions): Promise<SiteServices> {
  const { data, settings, logger } = options;
  const metrics = createMetrics();
  const trustServer = await openTrustServer(options, metrics);
  try {
    const directory = settings.storage.directory || join(data, "registry");
    const store = await openFilesystemStore({ ...settings.storage, directory });
    const signed = signedContent(settings.signedOnly, trustServer, options.address);
    const registry = createRegistry({ store, config: settings.registry, signed, logger, metrics });
    const close = async (): Promise<void> => {
      await registry.close();
      await trustServer.close();
    };
    return { registry, trustServer, close };
  } catch (error) {
    await trustServer.close();
    throw error;
  }
}

async function openTrustServer(
  { data, settings, logger }: SiteServicesOptions,
  metrics: ReturnType<typeof createMetrics>,
): Promise<TrustServer> {
  // The store comes first: it holds the lock of the directory.
  const store = SqliteStore.open(join(data, "trust.db"));
  try {
    const aliases = await aliasFromFile(join(data, "signer.passphrase"));
    const table = new SqliteKeyTable(join(data, "signer.db"));
    const onWarning = (text: string, error: unknown): void => logger.warn({ err: error }, text);
    const signing = new LocalSigningService({ table, aliases, onWarning });
    return createTrustServer({ store, signing, config: settings.server, logger, metrics });
  } catch (error) {
    await store.close();
    throw error;
  }
}

function signedContent(
  config: SignedOnlyConfig,
  { collections }: TrustServer,
  address: () => string,
): SignedContent | undefined {
  const rules = signedOnlyRules(config);
  if (rules.length === 0) {
    return undefined;
  }
  const registry = (): string => config.registry || address();
  return new StoredSignatures({ rules, registry, pins: rootPins(config.rootKeys), collections });
}

/** Whoever may publish may begin a collection; with pins only the holders of certain root keys. */
function rootPins(ids: readonly string[]): PinPolicy {
  return ids.length === 0
    ? PinPolicy.firstUse()
    : PinPolicy.of({ rules: [{ gun: "*", pin: { kind: "keys", ids } }], otherwise: "none" });
}
