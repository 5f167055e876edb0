import { optionsFromEnvironment, type ConfigurationSection } from "../http/environmentOptions.ts";
import { parseRegistryConfig, type RegistryConfig } from "../registry/config.ts";
import { parseStorageConfig, type StorageConfig } from "../registry/storageConfig.ts";
import { parseServerConfig, type TrustServerConfig } from "../server/config.ts";
import { parseSignedOnlyConfig, type SignedOnlyConfig } from "./signedOnlyConfig.ts";

/** The settings of all services of a site, checked. */
export interface SiteSettings {
  readonly server: TrustServerConfig;
  readonly registry: RegistryConfig;
  readonly storage: StorageConfig;
  readonly signedOnly: SignedOnlyConfig;
}

type Prefix = "COUNTERSIGN_SERVER" | "COUNTERSIGN_REGISTRY" | "COUNTERSIGN_SIGNED_ONLY";

/** All settings there are, by the beginning of their environment variables, with the defaults. */
export function settingDefaults(): Readonly<Record<Prefix, ConfigurationSection>> {
  return {
    COUNTERSIGN_SERVER: parseServerConfig(),
    COUNTERSIGN_REGISTRY: { ...parseRegistryConfig(), storage: parseStorageConfig() },
    COUNTERSIGN_SIGNED_ONLY: parseSignedOnlyConfig(),
  };
}

/**
 * Reads the settings of a site from the environment.
 * @throws HttpError HTTP_ENVIRONMENT, ServerError SERVER_CONFIG, RegistryError REGISTRY_CONFIG, CliError CLI_SETTING
 */
export function readSiteSettings(environment: NodeJS.ProcessEnv): SiteSettings {
  const defaults = settingDefaults();
  const read = (prefix: Prefix): Record<string, unknown> =>
    optionsFromEnvironment(prefix, defaults[prefix], environment);
  const { storage, ...registry } = read("COUNTERSIGN_REGISTRY");
  return {
    server: parseServerConfig(read("COUNTERSIGN_SERVER")),
    registry: parseRegistryConfig(registry),
    storage: parseStorageConfig(storage),
    signedOnly: parseSignedOnlyConfig(read("COUNTERSIGN_SIGNED_ONLY")),
  };
}
