import type { ImageName } from "../oci/imageName.ts";
import { openRegistry } from "../oci/registryAccess.ts";
import type { RegistryClient } from "../oci/registryClient.ts";
import { RegistryDestination, RegistrySource } from "../oci/registryImage.ts";

/** The option of every command that talks to registries. */
export const registryOptions = { "insecure-registry": { type: "string", multiple: true } } as const;

export const registryOptionsHelp = `  --insecure-registry HOST[:PORT]
                        take any certificate of this registry, and plain HTTP; may be repeated. Registries on this
                        machine (localhost, 127.0.0.1) are taken so anyway`;

export interface RegistryUse {
  /** The value of --insecure-registry. */
  readonly insecure: readonly string[] | undefined;
  /** Told what a registry wants people to know. */
  readonly warn: (text: string) => void;
}

/** The registry of an image, with the logins and certificates of this machine. To be closed. */
export async function registryOf({ domain }: ImageName, { insecure, warn }: RegistryUse): Promise<RegistryClient> {
  return await openRegistry(domain, {
    insecure: insecure?.includes(domain) ?? false,
    onWarning: (text) => warn(`${domain}: ${text}`),
  });
}

/** An image in a registry, with a connection of its own that closes with it. */
export class RegistryImage extends RegistrySource {
  readonly #registry: RegistryClient;

  private constructor(registry: RegistryClient, name: ImageName) {
    super(registry, name);
    this.#registry = registry;
  }

  static async open(name: ImageName, use: RegistryUse): Promise<RegistryImage> {
    return new RegistryImage(await registryOf(name, use), name);
  }

  override async close(): Promise<void> {
    this.#registry.close();
  }
}

/** A repository to push to, with a connection of its own that closes with it. */
export class RegistryTarget extends RegistryDestination {
  readonly #registry: RegistryClient;

  private constructor(registry: RegistryClient, name: ImageName) {
    super(registry, name);
    this.#registry = registry;
  }

  static async open(name: ImageName, use: RegistryUse): Promise<RegistryTarget> {
    return new RegistryTarget(await registryOf(name, use), name);
  }

  override async close(): Promise<void> {
    this.#registry.close();
  }
}
