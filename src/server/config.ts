import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { signingAlgorithms } from "../keys/signingService.ts";
import { defaultExpiryDays } from "../tuf/role.ts";
import { ServerError } from "./errors.ts";

const year = 31_536_000;
const maxAge = z.int().min(0).max(year);
const days = z.number().positive().max(36_500);

/** Notary's rule: a clean relative path that ends in a slash. */
const gunPrefix = z.string().refine(
  (prefix) => {
    const segments = prefix.split("/");
    return prefix.endsWith("/") && segments.slice(0, -1).every((segment) => !["", ".", ".."].includes(segment));
  },
  { error: 'must be a path without empty, "." or ".." segments that ends in "/"' },
);

const schema = z.strictObject({
  /** Seconds for which caches may keep an answer without asking again; 0 forbids keeping it. */
  caching: z
    .strictObject({
      /** `root.json`, `timestamp.json` and so on. */
      currentMaxAge: maxAge.default(300),
      /** Files named by checksum or version, which never change. */
      consistentMaxAge: maxAge.default(30 * 24 * 60 * 60),
    })
    .prefault({}),
  /** The server holds only collections whose GUN starts with one of these; all when empty. */
  gunPrefixes: z.array(gunPrefix).default([]),
  /** Largest upload, in bytes. */
  bodyLimit: z
    .int()
    .min(1024)
    .max(1024 ** 3)
    .default(32 * 1024 ** 2),
  /** Memory for all uploads being received or judged, in bytes; at least one of the largest always fits. */
  uploadBytes: z
    .int()
    .min(0)
    .default(256 * 1024 ** 2),
  /** Longest pause while an upload arrives, in seconds. */
  bodyIdleSeconds: z.number().positive().max(3600).default(30),
  /** How long what the server signs is valid. */
  expiryDays: z
    .strictObject({
      snapshot: days.default(defaultExpiryDays.snapshot),
      timestamp: days.default(defaultExpiryDays.timestamp),
    })
    .prefault({}),
  /** A timestamp that is read within this many days before its expiry is renewed in the background; 0 waits until it has expired. */
  renewalDays: z.number().min(0).max(36_500).default(1),
  /** What kind of keys the signing service is asked to make. */
  keyAlgorithm: z.enum(signingAlgorithms).default("ecdsa"),
  /** Memory for metadata files, in bytes. */
  cacheBytes: z
    .int()
    .min(0)
    .default(128 * 1024 ** 2),
});

export type TrustServerOptions = z.input<typeof schema>;
export type TrustServerConfig = z.output<typeof schema>;

/**
 * Checks a configuration and fills in the defaults.
 * @throws ServerError SERVER_CONFIG naming the key, what is wrong with it, and the value
 */
export function parseServerConfig(options: unknown = {}): TrustServerConfig {
  const result = schema.safeParse(options, { reportInput: true });
  if (result.success) {
    return result.data;
  }
  throw new ServerError("SERVER_CONFIG", describeConfigProblems(result.error), { cause: result.error });
}
