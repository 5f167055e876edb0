import { defaultExpiryWarningDays } from "../trust/expiry.ts";
import type { Plan } from "../trust/plan.ts";
import type { Renewal } from "../trust/renewal.ts";
import { CliError } from "./errors.ts";
import { describeExpiring, describeRenewer } from "./expiry.ts";
import { namedCollections } from "./namedCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson, forEachImage, worstExitCode } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { formatPlan } from "./planText.ts";
import { formatDay, Publisher, publisherOptions, publisherOptionsHelp, readDays } from "./publisher.ts";
import type { Ui } from "./ui.ts";

const help = `Sign anew what is about to run out, with the keys on this machine, and publish that.

Usage: countersign renew [OPTIONS] GUN|IMAGE…

That is root, targets, snapshot and every delegation whose keys are here, also delegations that have run out already. The contents
stay as they are. A root key whose certificate is about to end gets a new certificate, and the new root is signed under the old
one too, so consumers follow by themselves; only who pinned the old certificate's ID has to pin the new one. What others have to
renew is named.

  --within DAYS         renew what runs out within so many days. Default: ${defaultExpiryWarningDays}
  --plan                show what would be published and which keys would sign; change nothing, here or on the trust server
${publisherOptionsHelp}

Passphrases are asked for on the terminal, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

Exit code: 0 renewed, or nothing runs out; 1 a key is missing; 3 the collection there cannot be trusted, 4 could not decide,
2 wrong usage.

Example:
  $ countersign renew --within 365 registry.example/team/app
  renewed registry.example/team/app
    root      version 2, until 2036-11-18
    targets   version 7, until 2029-11-20
`;

type Done = { readonly renewal: Renewal } | { readonly plan: Plan };

/** `countersign renew GUN|IMAGE… [--within DAYS] [--plan]` */
export const renew = nativeCommand({
  help,
  options: { ...publisherOptions, within: { type: "string" }, plan: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "renew needs at least one collection");
    const within = readDays("--within", options.within, defaultExpiryWarningDays);
    const publisher = new Publisher(options, ui);
    const names = await namedCollections(args, publisher.trustDir);
    const outcomes = await forEachImage(names, async (name): Promise<Done> => {
      return options.plan === true
        ? { plan: await publisher.withCollection(name, (opened) => opened.plan((copy) => copy.renew({ within }))) }
        : { renewal: await publisher.withCollection(name, (opened) => opened.renew({ within }), "pull,push") };
    });
    if (options.json === true) ui.printJson(outcomes.map(asJson));
    else for (const outcome of outcomes) show(outcome, within, ui);
    return worstExitCode(outcomes);
  },
});

function show(outcome: Outcome<Done>, within: number, ui: Ui): void {
  if ("error" in outcome) {
    ui.fail(outcome.error, outcome.image);
    return;
  }
  if ("plan" in outcome.result) {
    ui.print(formatPlan(outcome.result.plan));
    return;
  }
  const { gun, files, left, certificates } = outcome.result.renewal;
  if (files.length === 0) {
    ui.print(`nothing in ${gun} runs out within ${within} days\n`);
    return;
  }
  const width = Math.max(...files.map(({ role }) => role.length));
  ui.print(
    [
      `${ui.emphasise("green", "renewed")} ${gun}`,
      ...files.map(({ role, version, expires }) => {
        return `  ${role.padEnd(width)}   version ${version}, until ${formatDay(expires)}`;
      }),
      "",
    ].join("\n"),
  );
  for (const { before, after, keyId } of certificates) {
    ui.note(
      `the root certificate ${before} is now ${after}: who pinned it pins the new one, or the key in it, ${keyId}`,
    );
  }
  for (const expiry of left) {
    ui.warn(
      `${describeExpiring(expiry)} runs out on ${formatDay(expiry.expires)} and is left to ${describeRenewer(expiry)}`,
    );
  }
}

function asJson(outcome: Outcome<Done>): unknown {
  return "error" in outcome
    ? { collection: outcome.image, error: errorAsJson(outcome.error) }
    : asDocument(outcome.result);
}

function asDocument(done: Done): unknown {
  return "plan" in done ? { plan: done.plan } : done.renewal;
}
