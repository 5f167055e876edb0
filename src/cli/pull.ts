import { OciError } from "../oci/errors.ts";
import { familiarName, familiarText, parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import type { Decision } from "../trust/decision.ts";
import { CliError } from "./errors.ts";
import { decide } from "./imageDecision.ts";
import { describeLocation, locationHelp, openDestination, parseDestination } from "./imageLocation.ts";
import type { ImageLocation } from "./imageLocation.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { registryOptions, registryOptionsHelp, RegistryImage } from "./registryImages.ts";
import type { RegistryUse } from "./registryImages.ts";
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
    if (options.json === true) {
      ui.printJson({ image: text, destination: describeLocation(destination), pulled: true, decision, ...result });
      return 0;
    }
    const { digest, signers, role } = decision;
    const part = result.root.digest === digest ? [] : [`  part     ${result.root.digest}`];
    ui.print(
      [
        `${ui.emphasise("green", "pulled")} ${familiarText(tagged)}`,
        `  digest   ${digest}`,
        ...part,
        `  signers  ${signers.length > 0 ? signers.join(", ") : "the repository's own key"} (${role})`,
        `  into     ${describeLocation(destination)}`,
        `  moved    ${describeTransfer(result)}`,
        "",
      ].join("\n"),
    );
    return 0;
  },
});

/** The content that was signed, whatever the tag means in the registry now. @throws OciError OCI_SIZE */
async function openSigned(image: ImageName, { digest, size }: Decision, use: RegistryUse): Promise<ImageSource> {
  const source = await RegistryImage.open({ domain: image.domain, path: image.path, digest }, use);
  try {
    const { descriptor } = await source.resolve();
    if (descriptor.size === size) return source;
    const message = `${familiarName(image)}@${digest} has ${descriptor.size} bytes, but ${size} were signed`;
    throw new OciError("OCI_SIZE", message, { hint: "Have the image signed again; do not use it before." });
  } catch (error) {
    await source.close();
    throw error;
  }
}
