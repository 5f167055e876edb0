import { familiarName, familiarText, parseImageName, withDefaultTag } from "../oci/imageName.ts";
import { CliError } from "./errors.ts";
import { describeLocation, locationHelp, openSource, parseSource, refusePath } from "./imageLocation.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { failingAsJson } from "./outcome.ts";
import { registryOptions, registryOptionsHelp, RegistryTarget } from "./registryImages.ts";
import { describeTransfer, transfer, transferOptions, transferOptionsHelp } from "./transfer.ts";
import { pushWords } from "./transferProgress.ts";

const help = `Push an image from this machine to a registry. Every byte is checked against its digest on the way.

Usage: countersign push [OPTIONS] [SOURCE] IMAGE

SOURCE is one of

${locationHelp}

Without SOURCE it is the image that the Docker engine has under that very name, as for \`docker push\`. The engine's images are
for one platform; an index with images for several is pushed from a layout or a tar.

${transferOptionsHelp}
${registryOptionsHelp}
  --json                what was pushed as a JSON document
  --quiet, -q           show no progress
  --help                show this text

Exit code: 0 pushed, 3 refused (the source's content is not what its digests say), 4 the registry or the engine cannot be
reached or does not let you in, 2 wrong usage, 1 anything else.

Example:
  $ countersign push ./build/oci registry.example/team/app:1.0
  pushed registry.example/team/app:1.0
    digest   sha256:5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1
`;

/** `countersign push [SOURCE] IMAGE` */
export const push = nativeCommand({
  help,
  options: { ...transferOptions, ...registryOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const [first, second, ...more] = args;
    if (first === undefined || more.length > 0) {
      throw new CliError("CLI_USAGE", "push takes a source and the name of an image, or the name alone");
    }
    const text = second ?? first;
    if (second === undefined) {
      await refusePath(text, `To push what is in it, write also where: countersign push ${text} IMAGE.`);
    }
    const image = withDefaultTag(parseImageName(text));
    const source = second === undefined ? ({ kind: "engine", image } as const) : await parseSource(first);
    const asked = { image: text, source: describeLocation(source), pushed: false };
    return await failingAsJson({ json: options.json, ui, asked }, async () => {
      const result = await transfer({
        from: () => openSource(source),
        to: (warn) => RegistryTarget.open(image, { insecure: options["insecure-registry"], warn }),
        words: pushWords,
        platform: options.platform,
        quiet: options.quiet,
        ui,
      });
      const { root } = result;
      if (options.json === true) {
        ui.printJson({ ...asked, pushed: true, ...result });
      } else {
        ui.print(`${ui.emphasise("green", "pushed")} ${familiarText(image)}
  digest   ${root.digest}
  moved    ${describeTransfer(result)}
`);
        if (image.tag !== undefined) {
          ui.note(`to sign it: countersign sign ${familiarName(image)}:${image.tag}@${root.digest}`);
        }
      }
      return 0;
    });
  },
});
