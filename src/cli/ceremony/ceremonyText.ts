import type { Ceremony, NeedProgress } from "../../trust/ceremony.ts";
import { describeKey } from "../../trust/ceremonySummary.ts";
import { canonicalKeyId } from "../../tuf/key.ts";
import { formatTime } from "../../tuf/time.ts";

/** What is proposed, in plain words, with the digest that people compare. */
export function proposalText({ summary, digest, content }: Ceremony): string {
  const until = formatTime(new Date(content.validUntil.ms));
  return [...summary, `digest ${digest}`, `can be signed and published until ${until}`, ""].join("\n");
}

/** Who has signed and who is missing. */
export function progressText({ progress, complete }: Ceremony): string {
  return [
    ...progress.flatMap(needLines),
    complete ? "complete: countersign ceremony finish FILE" : "not complete",
    "",
  ].join("\n");
}

function needLines({ role, by, threshold, keys, missing }: NeedProgress): string[] {
  const open = missing === 0 ? "enough have signed" : `${missing} more needed`;
  return [
    `${role}, as the ${by} asks: ${threshold} of ${keys.length} keys; ${open}`,
    ...keys.map(({ key, signed }) => `  ${signed ? "signed " : "missing"}  ${describeKey(key)}`),
  ];
}

/** A ceremony as `--json` shows it. */
export function ceremonyAsJson(ceremony: Ceremony): object {
  const { gun, digest, content, summary, complete, progress } = ceremony;
  return {
    gun,
    digest,
    made: formatTime(new Date(content.made.ms)),
    validUntil: formatTime(new Date(content.validUntil.ms)),
    summary,
    complete,
    needs: progress.map(({ role, by, threshold, missing, keys }) => ({
      role,
      by,
      threshold,
      missing,
      keys: keys.map(({ key, signed }) => ({ id: key.id, privateKey: canonicalKeyId(key), signed })),
    })),
  };
}
