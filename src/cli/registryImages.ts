import { OciError } from "../oci/errors.ts";
import { familiarName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import { openRegistry } from "../oci/registryAccess.ts";
import type { RegistryClient } from "../oci/registryClient.ts";
import { RegistryDestination, RegistrySource } from "../oci/registryImage.ts";
import type { Decision } from "../trust/decision.ts";

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
  /** Whether to see unsigned content too where only signed content is served: only for what is pushed to. */
  readonly acceptUnsigned?: boolean;
}

/** The registry of an image, with the logins and certificates of this machine. To be closed. */
export async function registryOf(
  { domain }: ImageName,
  { insecure, warn, acceptUnsigned = false }: RegistryUse,
): Promise<RegistryClient> {
  return await openRegistry(domain, {
    insecure: insecure?.includes(domain) ?? false,
    acceptUnsigned,
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

/**
 * The content that was signed, whatever the tag means in the registry now. To be closed.
 * @throws OciError OCI_SIZE when it has not the length that was signed, and what fetching throws
 */
export async function openSigned(image: ImageName, { digest, size }: Decision, use: RegistryUse): Promise<ImageSource> {
  const source = await RegistryImage.open({ domain: image.domain, path: image.path, digest }, use);
  try {
    const { descriptor } = await source.resolve();
    if (descriptor.size === size) return source;
    const message = `${familiarName(image)}@${digest} has ${descriptor.size} bytes, but ${size} were signed`;
    throw new OciError("OCI_SIZE", message, { hint: "Have the image signed again; do not use it before." });
  } catch (error) {
    await source.close();
    throw error;
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
    return new RegistryTarget(await registryOf(name, { ...use, acceptUnsigned: true }), name);
  }

  override async close(): Promise<void> {
    this.#registry.close();
  }
}
