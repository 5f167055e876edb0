import { z } from "zod";
import { describeConfigProblems } from "../http/config.ts";
import { CliError } from "./errors.ts";

/** Which repositories serve only what is signed, and what counts as signed there. */
export interface SignedOnlyRule {
  /** A repository, or a beginning of repositories' names followed by `*`. */
  readonly pattern: string;
  /** False for those that are exempted from a wider pattern. */
  readonly isCovered: boolean;
  /** Signers who must have signed, besides whoever released the tag. */
  readonly signers: readonly string[];
}

const rulePattern = /^(!?)(?=[^=])([a-z0-9._/-]*\*?)(?:=([\w.-]+(?:,[\w.-]+)*))?$/;

const schema = z.strictObject({
  /**
   * Repositories that serve only what is signed, e.g. `team/app`, or beginnings of names, e.g. `team/*`. `=` and names separated
   * by commas say which signers must have signed; `!` in front exempts. Of several that apply the most precise one decides.
   */
  repositories: z
    .array(
      z
        .string()
        .regex(rulePattern, {
          error:
            'must be a repository or the beginning of one with "*", e.g. team/app, team/*=alice,bob or !team/tests',
        })
        .refine((text) => !(text.startsWith("!") && text.includes("=")), {
          error: "exempts repositories, and so cannot require signers",
        }),
    )
    .default([]),
  /** The registry as images are named, e.g. `registry.example:5000`: its collections are those that count. The address listened on when empty. */
  registry: z.string().default(""),
  /** IDs of root keys. When there are any, a collection counts only if its root has one of them. */
  rootKeys: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, { error: "must be a key ID: 64 hexadecimal digits in lower case" }))
    .default([]),
});

export type SignedOnlyConfig = z.output<typeof schema>;

/**
 * Checks the settings of signed-only mode and fills in the defaults.
 * @throws CliError CLI_SETTING naming the key, what is wrong with it, and the value
 */
export function parseSignedOnlyConfig(options: unknown = {}): SignedOnlyConfig {
  const result = schema.safeParse(options, { reportInput: true });
  if (!result.success) {
    throw new CliError("CLI_SETTING", describeConfigProblems(result.error), { cause: result.error });
  }
  return result.data;
}

/** The rules of a checked configuration, the most precise first: an exact name before a `*`, a longer beginning before a shorter. */
export function signedOnlyRules({ repositories }: SignedOnlyConfig): readonly SignedOnlyRule[] {
  const rules = repositories.map((text): SignedOnlyRule => {
    const [, exempt, pattern = "", signers] = rulePattern.exec(text) ?? [];
    return { pattern, isCovered: exempt === "", signers: signers?.split(",") ?? [] };
  });
  const isOpen = ({ pattern }: SignedOnlyRule): number => Number(pattern.endsWith("*"));
  return rules.toSorted((a, b) => isOpen(a) - isOpen(b) || b.pattern.length - a.pattern.length);
}
