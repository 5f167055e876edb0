import { optionsFromEnvironment } from "../http/environmentOptions.ts";
import { parseRegistryConfig, type RegistryConfig } from "../registry/config.ts";
import { parseServerConfig, type TrustServerConfig } from "../server/config.ts";
import { parseSignedOnlyConfig, type SignedOnlyConfig } from "./signedOnlyConfig.ts";

/** The settings of all services of a site, checked. */
export interface SiteSettings {
  readonly server: TrustServerConfig;
  readonly registry: RegistryConfig;
  readonly signedOnly: SignedOnlyConfig;
}

/** The checks of each part by the prefix of its environment variables; without an argument they answer the defaults. */
export const settingChecks = {
  COUNTERSIGN_SERVER: parseServerConfig,
  COUNTERSIGN_REGISTRY: parseRegistryConfig,
  COUNTERSIGN_SIGNED_ONLY: parseSignedOnlyConfig,
} as const;

/**
 * Reads the settings of a site from the environment.
 * @throws HttpError HTTP_ENVIRONMENT, ServerError SERVER_CONFIG, RegistryError REGISTRY_CONFIG, CliError CLI_SETTING
 */
export function readSiteSettings(environment: NodeJS.ProcessEnv): SiteSettings {
  const options = (prefix: keyof typeof settingChecks): unknown =>
    optionsFromEnvironment(prefix, settingChecks[prefix](), environment);
  return {
    server: parseServerConfig(options("COUNTERSIGN_SERVER")),
    registry: parseRegistryConfig(options("COUNTERSIGN_REGISTRY")),
    signedOnly: parseSignedOnlyConfig(options("COUNTERSIGN_SIGNED_ONLY")),
  };
}
