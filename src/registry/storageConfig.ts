import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { RegistryError } from "./errors.ts";

const schema = z.strictObject({
  /** What has, or will have, `docker/registry/v2` in it: the `rootdirectory` of distribution. Where it is by default is the caller's to say. */
  directory: z.string().default(""),
  /** Keeps everything in a bucket instead of the directory. Credentials are found where Amazon's own tools look for them. */
  s3: z
    .strictObject({
      /** Nothing else counts without one. */
      bucket: z.string().default(""),
      /** Put before every key: the `rootdirectory` of distribution's S3 driver. */
      prefix: z.string().default(""),
      region: z.string().min(1).default("us-east-1"),
      /** Of services other than Amazon's. */
      endpoint: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).default(""),
      /** Whether the bucket is named in the path, not in the host. */
      pathStyle: z.boolean().default(false),
      /** Bytes sent to the service at a time; each upload holds up to twice as much in memory. */
      partBytes: z
        .int()
        .min(5 * 1024 ** 2)
        .max(5 * 1024 ** 3)
        .default(8 * 1024 ** 2),
    })
    .prefault({}),
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
  /** Removal of what nothing needs any more; see garbageCollection.ts. */
  garbage: z
    .strictObject({
      /** How often; never when 0. */
      intervalHours: z.number().min(0).max(10_000).default(0),
      /** How long after its last use something stays that nothing needs. Longer than the longest push takes. */
      graceSeconds: z
        .int()
        .min(0)
        .default(24 * 60 * 60),
      /** How long bytes stay in the trash at least before they are deleted for good. */
      trashSeconds: z
        .int()
        .min(0)
        .default(60 * 60),
      /** Whether manifests without a tag go too, unless they are signed. */
      untagged: z.enum(["keep", "remove"]).default("keep"),
      /** Only tell in the log what would be removed. */
      dryRun: z.boolean().default(false),
    })
    .prefault({}),
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
