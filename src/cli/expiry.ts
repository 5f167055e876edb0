import { daysUntil, defaultExpiryWarningDays, listExpiries, runningOut } from "../trust/expiry.ts";
import type { Expiry } from "../trust/expiry.ts";
import { knownCollections, namedCollections } from "./namedCollection.ts";
import type { NamedCollection } from "./namedCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson, forEachImage, worstExitCode } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { formatDay, Publisher, publisherOptions, publisherOptionsHelp, readDays } from "./publisher.ts";
import { formatTable } from "./table.ts";
import type { Ui } from "./ui.ts";

const help = `Show what runs out when: the metadata of each role, and the certificates inside root; and who can renew it.

Usage: countersign expiry [OPTIONS] [GUN|IMAGE]…

Without a name: every collection in the trust directory. Each is brought up to date and verified first; a collection that was never
seen on this machine has to be pinned.

What the trust server renews by itself, the timestamp, is shown and does not count. \`countersign renew\` renews the rest where the keys
are. A snapshot whose key is not here is the trust server's as a rule; it is signed anew with whatever is published next.

  --within DAYS         how long before its end something counts as running out. Default: ${defaultExpiryWarningDays}
${publisherOptionsHelp}

Exit code: 0 nothing runs out, 3 something does, or a collection cannot be trusted (one that has expired, above all), 4 could not
decide, 2 wrong usage, 1 anything else.

Example:
  $ countersign expiry --within 90 registry.example/team/app
  RUNS OUT     IN          WHAT                            RENEWED BY
  2026-12-05   13 days     timestamp                       the trust server
  2029-11-20   1094 days   targets                         this machine
  2029-11-20   1094 days   snapshot                        the trust server, or key 8c2d2d0b7bd1
  2036-11-18   3649 days   root                            this machine
  2036-11-18   3649 days   root certificate 6905bdbca591   this machine
`;

const layout = { minimumWidth: 4, padding: 3 };

/** What one collection has that ends. */
interface Listed {
  readonly gun: string;
  readonly origin: "server" | "cache";
  readonly expiries: readonly Expiry[];
}

/** `countersign expiry [GUN|IMAGE…]` */
export const expiry = nativeCommand({
  help,
  options: { ...publisherOptions, within: { type: "string" } },
  run: async ({ options, args, ui }) => {
    const within = readDays("--within", options.within, defaultExpiryWarningDays);
    const publisher = new Publisher(options, ui);
    const now = new Date();
    const names = args.length > 0 ? await namedCollections(args, publisher.trustDir) : await known(publisher);
    const held = await publisher.held();
    const outcomes = await forEachImage(names, (name) => listed(name, { publisher, now, held }));
    const all = outcomes.flatMap((outcome) => ("result" in outcome ? outcome.result.expiries : []));
    const due = new Set(runningOut(all, now, within));
    if (options.json === true) {
      const collections = outcomes.map((outcome) => asJson(outcome, now, due));
      ui.printJson({ within, runsOut: due.size > 0, collections });
    } else {
      show(outcomes, { now, due, within, ui });
    }
    return due.size > 0 ? 3 : worstExitCode(outcomes);
  },
});

async function known({ trustDir, ui }: Publisher): Promise<NamedCollection[]> {
  const { collections, withoutHost } = await knownCollections(trustDir);
  for (const gun of withoutHost) ui.warn(`${gun} is left out: its name does not say on which host it is`);
  if (collections.length === 0) ui.note(`there are no collections in ${trustDir}`);
  return collections;
}

async function listed(
  name: NamedCollection,
  { publisher, now, held }: { publisher: Publisher; now: Date; held: ReadonlySet<string> },
): Promise<Listed> {
  const collection = await publisher.withCollection(name, (opened) => opened.update());
  const { gun, origin } = collection;
  return { gun, origin, expiries: listExpiries(collection, { gun, now, held }) };
}

function show(
  outcomes: readonly Outcome<Listed>[],
  { now, due, within, ui }: { now: Date; due: ReadonlySet<Expiry>; within: number; ui: Ui },
): void {
  const several = outcomes.length > 1;
  const rows = outcomes
    .flatMap((outcome) =>
      "result" in outcome ? outcome.result.expiries.map((entry) => [outcome.result.gun, entry] as const) : [],
    )
    .toSorted(([, a], [, b]) => a.expires.getTime() - b.expires.getTime())
    .map(([gun, entry]) => [
      formatDay(entry.expires),
      describeDistance(daysUntil(entry.expires, now)),
      ...(several ? [gun] : []),
      describeExpiring(entry),
      describeRenewer(entry),
    ]);
  if (rows.length > 0) {
    const header = ["RUNS OUT", "IN", ...(several ? ["COLLECTION"] : []), "WHAT", "RENEWED BY"];
    ui.print(formatTable([header, ...rows], layout));
  }
  for (const outcome of outcomes) {
    if ("error" in outcome) ui.fail(outcome.error, outcome.image);
    else tellDue(outcome.result, { due, within, ui });
  }
}

function tellDue(
  { gun, expiries, origin }: Listed,
  { due, within, ui }: { due: ReadonlySet<Expiry>; within: number; ui: Ui },
): void {
  if (origin === "cache") ui.warn(`${gun} is shown as of the last answer of its trust server`);
  const ending = expiries.filter((entry) => due.has(entry));
  if (ending.length === 0) return;
  const what = ending.map(describeExpiring).join(", ");
  const here = ending.some(({ renewer }) => renewer === "here") ? `; renew it with: countersign renew ${gun}` : "";
  ui.warn(`${gun}: within ${within} days there runs out: ${what}${here}`);
}

/** What ends, for people: a role, or a certificate by its ID. */
export function describeExpiring({ role, what, certificateId = "" }: Expiry): string {
  return what === "metadata" ? role : `${role} certificate ${certificateId.slice(0, 12)}`;
}

/** Who can renew it, for people. */
export function describeRenewer({ role, renewer, keyIds, threshold, heldKeyIds }: Expiry): string {
  const keys = keyIds.map((id) => id.slice(0, 12)).join(" or ");
  switch (renewer) {
    case "here":
      return "this machine";
    case "server":
      return "the trust server";
    case "authority":
      return "its authority, by another certificate";
    case "elsewhere": {
      const owners =
        threshold > 1
          ? `${threshold} of the keys ${keys}`
          : keyIds.length > 0
            ? `key ${keys}`
            : "nobody: it has no key";
      const some = heldKeyIds.length > 0 && threshold > 1 ? `, of which ${heldKeyIds.length} here` : "";
      return role === "snapshot" && heldKeyIds.length === 0 ? `the trust server, or ${owners}` : `${owners}${some}`;
    }
  }
}

function describeDistance(days: number): string {
  return days < 0 ? "expired" : days === 1 ? "1 day" : `${days} days`;
}

function asJson(outcome: Outcome<Listed>, now: Date, due: ReadonlySet<Expiry>): unknown {
  if ("error" in outcome) return { collection: outcome.image, error: errorAsJson(outcome.error) };
  const { gun, origin, expiries } = outcome.result;
  return {
    collection: gun,
    origin,
    expiries: expiries.map((entry) => ({ ...entry, days: daysUntil(entry.expires, now), runsOut: due.has(entry) })),
  };
}
