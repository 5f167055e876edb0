import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { RegistryError } from "./errors.ts";

const mebibyte = 1024 ** 2;

const schema = z.strictObject({
  /** Largest manifest, in bytes. The specification asks for 4 MiB at least. */
  manifestBytes: z
    .int()
    .min(4 * mebibyte)
    .max(64 * mebibyte)
    .default(4 * mebibyte),
  /** Memory for all manifests being received, in bytes; at least one of the largest always fits. */
  manifestBudgetBytes: z
    .int()
    .min(0)
    .default(128 * mebibyte),
  /** Whether tags, manifests and blobs can be deleted. */
  deletion: z.boolean().default(true),
  /** Whether an index is taken of which some manifests are not in the repository, as mirrors of single platforms make them. */
  sparseIndexes: z.boolean().default(false),
  /** Longest pause while a body arrives, in seconds. */
  bodyIdleSeconds: z.number().positive().max(3600).default(60),
  /** Seconds after which a client that met too many open uploads is told to try again. */
  retrySeconds: z.int().min(1).max(3600).default(30),
});

export type RegistryOptions = z.input<typeof schema>;
export type RegistryConfig = z.output<typeof schema>;

/**
 * Checks a configuration and fills in the defaults.
 * @throws RegistryError REGISTRY_CONFIG naming the key, what is wrong with it, and the value
 */
export function parseRegistryConfig(options: unknown = {}): RegistryConfig {
  const result = schema.safeParse(options, { reportInput: true });
  if (!result.success) {
    throw new RegistryError("REGISTRY_CONFIG", describeConfigProblems(result.error), { cause: result.error });
  }
  return result.data;
}
