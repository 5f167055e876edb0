import { parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import { CountersignError } from "../tuf/error.ts";
import { decideImage } from "../trust/decision.ts";
import type { Decision } from "../trust/decision.ts";
import { gunOfImage } from "../trust/gun.ts";
import { PinPolicy } from "../trust/pins.ts";
import type { Pin } from "../trust/pins.ts";
import { CliError } from "./errors.ts";
import { isUnpinned, lookForImage, updateForImage } from "./imageCollection.ts";
import type { ImageAccess } from "./imageCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { exitCodeOf } from "./ui.ts";
import type { Ui } from "./ui.ts";

const help = `Decide whether images are signed by whom you trust, and what content their tags stand for.

Usage: countersign verify [OPTIONS] IMAGE…

A tag is verified when targets/releases or the repository's own key signed it, and everything above leads to a root that is
trusted: known from earlier runs (ours, Docker's), or pinned here. A root seen for the first time is refused otherwise.

  --root-key ID         trust the root that has this key; may be repeated
  --root-file FILE      trust the root in this file, placed here beforehand
  --first-use accept    trust what the server shows, if the collection has never been seen on this machine
  --server URL          the trust server. Default: DOCKER_CONTENT_TRUST_SERVER, else the registry's host
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

type Outcome = { readonly image: string } & ({ readonly decision: Decision } | { readonly error: unknown });

/** `countersign verify IMAGE…` */
export const verify = nativeCommand({
  help,
  options: {
    "root-key": { type: "string", multiple: true },
    "root-file": { type: "string" },
    "first-use": { type: "string" },
    server: { type: "string" },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "verify needs at least one image");
    const pin = pinFrom(options["root-key"], options["root-file"], options["first-use"]);
    const images = args.map((text) => ({ text, image: parseImageName(text) }));
    const outcomes: Outcome[] = [];
    for (const { text, image } of images) {
      try {
        outcomes.push({ image: text, decision: await decide(image, pin, { server: options.server, ui }) });
      } catch (error) {
        outcomes.push({ image: text, error });
      }
    }
    if (options.json === true) ui.printJson(outcomes.map(asJson));
    else for (const outcome of outcomes) show(outcome, ui);
    return worst(outcomes);
  },
});

function pinFrom(ids: readonly string[] | undefined, file: string | undefined, firstUse: string | undefined): Pin {
  const given = [ids, file, firstUse].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new CliError("CLI_USAGE", "only one of --root-key, --root-file and --first-use can say what to trust");
  }
  if (firstUse !== undefined && firstUse !== "accept") {
    throw new CliError("CLI_USAGE", `--first-use takes only the word accept, not ${JSON.stringify(firstUse)}`);
  }
  const badId = ids?.find((id) => !/^[0-9a-f]{64}$/.test(id));
  if (badId !== undefined) {
    throw new CliError("CLI_USAGE", `${JSON.stringify(badId)} is not a key ID: 64 hexadecimal digits in lower case`);
  }
  if (ids) return { kind: "keys", ids };
  if (file !== undefined) return { kind: "rootFile", path: file };
  return { kind: firstUse === undefined ? "none" : "firstUse" };
}

async function decide(image: ImageName, pin: Pin, access: ImageAccess): Promise<Decision> {
  const pins = PinPolicy.of({ rules: [{ gun: gunOfImage(image), pin }], otherwise: "none" });
  try {
    return decideImage(await updateForImage(image, pins, access), image);
  } catch (error) {
    throw isUnpinned(error) ? await unpinned(image, access, error) : error;
  }
}

/** Says which key would have to be pinned: that is worth asking the trust server once more. */
async function unpinned(image: ImageName, access: ImageAccess, cause: unknown): Promise<CliError> {
  const { gun, root } = await lookForImage(image, access);
  const ids = root.body.roles.get("root")?.keyIds ?? [];
  return new CliError("CLI_UNPINNED", `the root of ${gun} is not pinned and was never seen on this machine`, {
    hint: `The trust server presents the root key ${ids.join(", ")}. Compare it with the owner's, then pin it with --root-key ID; --first-use accept believes the server.`,
    cause,
  });
}

function show(outcome: Outcome, ui: Ui): void {
  if ("error" in outcome) {
    ui.fail(outcome.error, outcome.image);
    return;
  }
  const { digest, signers, role, anchor, metadata, validUntil, origin } = outcome.decision;
  const root = metadata.find((file) => file.role === "root");
  ui.print(`${ui.emphasise("green", "verified")} ${outcome.image}
  digest   ${digest}
  signers  ${signers.length > 0 ? signers.join(", ") : "the repository's own key"} (${role})
  root     version ${root?.version}, trusted by ${anchor}
  valid    until ${validUntil.toISOString().slice(0, 10)}${origin === "cache" ? ", as of the last answer of the trust server" : ""}
`);
}

function asJson(outcome: Outcome): unknown {
  const { image } = outcome;
  if ("error" in outcome) {
    const { error } = outcome;
    const { code, kind, message, hint } =
      error instanceof CountersignError
        ? error
        : { code: undefined, kind: "failed", message: String(error), hint: undefined };
    return { image, verified: false, error: { code, kind, message, hint } };
  }
  const { decision } = outcome;
  return { image, verified: true, ...decision };
}

/** A refusal outweighs what could not be decided, and that outweighs other failures. */
function worst(outcomes: readonly Outcome[]): number {
  const codes = outcomes.map((outcome) => ("error" in outcome ? exitCodeOf(outcome.error) : 0));
  return [3, 4, 1, 2].find((code) => codes.includes(code)) ?? 0;
}
