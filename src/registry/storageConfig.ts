import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { RegistryError } from "./errors.ts";

const schema = z.strictObject({
  /** What has, or will have, `docker/registry/v2` in it: the `rootdirectory` of distribution. Where it is by default is the caller's to say. */
  directory: z.string().default(""),
  /** Memory for manifests and small blobs, in bytes. */
  cacheBytes: z
    .int()
    .min(0)
    .default(32 * 1024 ** 2),
  /** How many uploads may be unfinished at a time. */
  maxUploads: z.int().min(1).default(2000),
  /** Seconds after which an upload that nobody writes to is dropped. */
  uploadIdleSeconds: z
    .int()
    .min(1)
    .default(24 * 60 * 60),
});

export type StorageOptions = z.input<typeof schema>;
export type StorageConfig = z.output<typeof schema>;

/**
 * Checks where and how content is kept, and fills in the defaults.
 * @throws RegistryError REGISTRY_CONFIG naming the key, what is wrong with it, and the value
 */
export function parseStorageConfig(options: unknown = {}): StorageConfig {
  const result = schema.safeParse(options, { reportInput: true });
  if (!result.success) {
    throw new RegistryError("REGISTRY_CONFIG", describeConfigProblems(result.error), { cause: result.error });
  }
  return result.data;
}
