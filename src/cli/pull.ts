import type { CopyResult } from "../oci/copyImage.ts";
import { familiarText, parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import type { Decision } from "../trust/decision.ts";
import { CliError } from "./errors.ts";
import { decide, describeSigners } from "./imageDecision.ts";
import { describeLocation, locationHelp, openDestination, parseDestination } from "./imageLocation.ts";
import type { ImageLocation } from "./imageLocation.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { failingAsJson } from "./outcome.ts";
import { openSigned, registryOptions, registryOptionsHelp } from "./registryImages.ts";
import { describeTransfer, transfer, transferOptions, transferOptionsHelp } from "./transfer.ts";
import { pullWords } from "./transferProgress.ts";
import { readPin, trustOptions, trustOptionsHelp } from "./trustOptions.ts";

const help = `Pull an image that is signed. First it is decided what the tag stands for, as \`countersign verify\` does; then just that is
fetched, by its digest, and every byte is checked. What the tag means in the registry does not matter.

Usage: countersign pull [OPTIONS] IMAGE [DEST]

DEST is one of

${locationHelp}

What does not exist yet becomes a tar if it is called *.tar, else a layout. Without DEST the image goes into the Docker engine
under its own name, as with \`docker pull\`; an engine takes the image for its own platform. A digest instead of a tag is
taken if a released tag is signed with it.

${trustOptionsHelp}
${transferOptionsHelp}
${registryOptionsHelp}
  --json                the decision and what was pulled as a JSON document
  --quiet, -q           show no progress
  --help                show this text

Exit code: 0 pulled, 3 refused (not signed, or the content is not what was signed), 4 could not decide, 2 wrong usage,
1 anything else.

Example:
  $ countersign pull --first-use accept registry.example/team/app:1.0 ./app
  pulled registry.example/team/app:1.0
    digest   sha256:5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1
    signers  alice (targets/releases)
`;

/** `countersign pull IMAGE [DEST]` */
export const pull = nativeCommand({
  help,
  options: { ...trustOptions, ...transferOptions, ...registryOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const [text, place, ...more] = args;
    if (text === undefined || more.length > 0) {
      throw new CliError("CLI_USAGE", "pull takes the name of an image, and where it goes");
    }
    const image = parseImageName(text);
    const pin = readPin(options);
    const given = place === undefined ? undefined : await parseDestination(place);
    const asked = { image: text, pulled: false };
    return await failingAsJson({ json: options.json, ui, asked }, async () => {
      const decision = await decide(image, pin, { server: options.server, ui });
      const tagged: ImageName = { domain: image.domain, path: image.path, tag: decision.tag };
      const destination: ImageLocation = given ?? { kind: "engine", image: tagged };
      const result = await transfer({
        from: (warn) => openSigned(image, decision, { insecure: options["insecure-registry"], warn }),
        to: () => openDestination(destination, tagged),
        words: pullWords,
        platform: options.platform,
        quiet: options.quiet,
        ui,
      });
      const into = describeLocation(destination);
      if (options.json === true) ui.printJson({ ...asked, pulled: true, destination: into, decision, ...result });
      else ui.print(`${ui.emphasise("green", "pulled")} ${familiarText(tagged)}\n${describe(decision, into, result)}`);
      return 0;
    });
  },
});

function describe(decision: Decision, into: string, result: CopyResult): string {
  const { digest } = decision;
  const part = result.root.digest === digest ? [] : [`  part     ${result.root.digest}`];
  return [
    `  digest   ${digest}`,
    ...part,
    `  signers  ${describeSigners(decision)}`,
    `  into     ${into}`,
    `  moved    ${describeTransfer(result)}`,
    "",
  ].join("\n");
}
