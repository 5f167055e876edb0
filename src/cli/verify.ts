import { parseImageName } from "../oci/imageName.ts";
import type { Decision } from "../trust/decision.ts";
import { CliError } from "./errors.ts";
import { decide, describeSigners } from "./imageDecision.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson, forEachImage, worstExitCode } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { readPin, trustOptions, trustOptionsHelp } from "./trustOptions.ts";
import type { Ui } from "./ui.ts";

const help = `Decide whether images are signed by whom you trust, and what content their tags stand for.

Usage: countersign verify [OPTIONS] IMAGE…

A tag is verified when targets/releases or the repository's own key signed it, and everything above leads to a root that is
trusted: pinned here, or known from earlier runs (ours, Docker's). A root seen for the first time is refused otherwise, and a
root that is not the one pinned is refused always.

${trustOptionsHelp}
  --json                the decisions as one JSON document
  --help                show this text

Exit code: 0 all verified, 3 refused, 4 could not decide, 2 wrong usage, 1 anything else; for several images the first
of 3, 4, 1 that occurred.

Example:
  $ countersign verify --root-key 6905bdbca59166dfb6075a5669e9a14b470c8b73aeb2297d33f5aa7d1739e7ab registry.example/team/app:1.0
  verified registry.example/team/app:1.0
    digest   sha256:5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1
    signers  alice, bob
`;

/** `countersign verify IMAGE…` */
export const verify = nativeCommand({
  help,
  options: { ...trustOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "verify needs at least one image");
    const pin = readPin(options);
    const images = args.map((text) => ({ text, name: parseImageName(text) }));
    const outcomes = await forEachImage(images, ({ name }) => decide(name, pin, { server: options.server, ui }));
    if (options.json === true) ui.printJson(outcomes.map(asJson));
    else for (const outcome of outcomes) show(outcome, ui);
    return worstExitCode(outcomes);
  },
});

function show(outcome: Outcome<Decision>, ui: Ui): void {
  if ("error" in outcome) {
    ui.fail(outcome.error, outcome.image);
    return;
  }
  const { digest, anchor, metadata, validUntil, origin } = outcome.result;
  const root = metadata.find((file) => file.role === "root");
  ui.print(`${ui.emphasise("green", "verified")} ${outcome.image}
  digest   ${digest}
  signers  ${describeSigners(outcome.result)}
  root     version ${root?.version}, trusted by ${anchor}
  valid    until ${validUntil.toISOString().slice(0, 10)}${origin === "cache" ? ", as of the last answer of the trust server" : ""}
`);
}

function asJson(outcome: Outcome<Decision>): unknown {
  const { image } = outcome;
  return "error" in outcome
    ? { image, verified: false, error: errorAsJson(outcome.error) }
    : { image, verified: true, ...outcome.result };
}
