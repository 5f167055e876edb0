import { familiarText, parseImageName, withDefaultTag } from "../oci/imageName.ts";
import { CliError } from "./errors.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { failingAsJson } from "./outcome.ts";
import { RegistryImage, registryOptions, registryOptionsHelp, RegistryTarget } from "./registryImages.ts";
import { describeTransfer, transfer, transferOptions, transferOptionsHelp } from "./transfer.ts";
import { pushWords } from "./transferProgress.ts";

const help = `Copy an image from one repository or registry to another: for all platforms, with what refers to it (signatures, SBOMs,
attestations). Every byte is checked against its digest. The digest stays the same, so that what is signed stays verifiable;
nothing is decided about trust here (\`countersign verify\` and \`compare\` do that).

Usage: countersign copy [OPTIONS] SOURCE-IMAGE TARGET-IMAGE

${transferOptionsHelp}
${registryOptionsHelp}
  --json                what was copied as a JSON document
  --quiet, -q           show no progress
  --help                show this text

Exit code: 0 copied, 3 refused (content is not what its digest says), 4 a registry cannot be reached or does not let
you in, 2 wrong usage, 1 anything else.

Example:
  $ countersign copy docker.io/library/alpine:3.22 registry.example/mirror/alpine:3.22
  copied to registry.example/mirror/alpine:3.22
    digest   sha256:4b7ce07002c69e8f3d704a9c5d6fd3053be500b7f1c69fc0d80990c2ad8dd412
`;

/** `countersign copy IMAGE IMAGE` */
export const copy = nativeCommand({
  help,
  options: { ...transferOptions, ...registryOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const [sourceText, targetText, ...more] = args;
    if (sourceText === undefined || targetText === undefined || more.length > 0) {
      throw new CliError("CLI_USAGE", "copy takes two names of images: from where, and to where");
    }
    const source = withDefaultTag(parseImageName(sourceText));
    const target = withDefaultTag(parseImageName(targetText));
    const insecure = options["insecure-registry"];
    const asked = { source: sourceText, image: targetText, copied: false };
    return await failingAsJson({ json: options.json, ui, asked }, async () => {
      const result = await transfer({
        from: (warn) => RegistryImage.open(source, { insecure, warn }),
        to: (warn) => RegistryTarget.open(target, { insecure, warn }),
        words: pushWords,
        platform: options.platform,
        referrers: true,
        quiet: options.quiet,
        ui,
      });
      if (options.json === true) {
        ui.printJson({ ...asked, copied: true, ...result });
      } else {
        ui.print(`${ui.emphasise("green", "copied")} to ${familiarText(target)}
  digest   ${result.root.digest}
  moved    ${describeTransfer(result)}
`);
      }
      return 0;
    });
  },
});
