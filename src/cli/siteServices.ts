import { join } from "node:path";
import type { Logger } from "../http/logger.ts";
import { createMetrics } from "../http/metrics.ts";
import { createRegistry, type Registry } from "../registry/app.ts";
import { openFilesystemStore } from "../registry/filesystemStore.ts";
import type { StorageConfig } from "../registry/storageConfig.ts";
import type { RegistryStore } from "../registry/store.ts";
import { createTrustServer, type TrustServer } from "../server/app.ts";
import { SqliteStore } from "../server/sqliteStore.ts";
import { LocalSigningService } from "../signer/localSigningService.ts";
import { aliasFromFile } from "../signer/passphraseAliases.ts";
import { SqliteKeyTable } from "../signer/sqliteKeyTable.ts";
import { PinPolicy } from "../trust/pins.ts";
import { signedOnlyRules } from "./signedOnlyConfig.ts";
import { SiteGarbage } from "./siteGarbage.ts";
import type { SiteSettings } from "./siteSettings.ts";
import { SiteUploads } from "./siteUploads.ts";
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
  const { storage, signedOnly } = settings;
  const metrics = createMetrics();
  const trustServer = await openTrustServer(options, metrics);
  try {
    const store = await openStore(storage, data);
    const { collections } = trustServer;
    const signatures = { registry: () => signedOnly.registry || options.address(), collections };
    const rules = signedOnlyRules(signedOnly);
    const signed = new StoredSignatures({ ...signatures, rules, pins: rootPins(signedOnly.rootKeys) });
    const registry = createRegistry({
      ...{ store, config: settings.registry, logger, metrics },
      signed: rules.length === 0 ? undefined : signed,
    });
    // Whatever anybody could want by its signature stays, also where unsigned content is served.
    const anySignature = new StoredSignatures({ ...signatures, rules: [], pins: PinPolicy.firstUse() });
    const isPinned = anySignature.mayBeWanted.bind(anySignature);
    const garbage = new SiteGarbage({ store, config: storage.garbage, isPinned, logger });
    const uploads = new SiteUploads({ store, idleSeconds: storage.uploadIdleSeconds, logger });
    const close = async (): Promise<void> => {
      uploads.close();
      await garbage.close();
      await registry.close();
      await trustServer.close();
    };
    return { registry, trustServer, close };
  } catch (error) {
    await trustServer.close();
    throw error;
  }
}

async function openStore({ s3, directory, ...limits }: StorageConfig, data: string): Promise<RegistryStore> {
  if (s3.bucket === "") {
    return await openFilesystemStore({ ...limits, directory: directory || join(data, "registry") });
  }
  const { openS3Store } = await import("../registry/s3Store.ts");
  return await openS3Store({ ...limits, ...s3, endpoint: s3.endpoint || undefined });
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

/** Whoever may publish may begin a collection; with pins only the holders of certain root keys. */
function rootPins(ids: readonly string[]): PinPolicy {
  return ids.length === 0
    ? PinPolicy.firstUse()
    : PinPolicy.of({ rules: [{ gun: "*", pin: { kind: "keys", ids } }], otherwise: "none" });
}
