import { parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import { inspectCollection } from "../trust/inspect.ts";
import type { Inspection } from "../trust/inspect.ts";
import { renderInspectJson, renderInspectPretty } from "../trust/inspectText.ts";
import { PinPolicy } from "../trust/pins.ts";
import { CliError } from "./errors.ts";
import { isUnpinned, lookForImage, updateForImage } from "./imageCollection.ts";
import type { ImageAccess } from "./imageCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { checkServer } from "./trustOptions.ts";
import { exitCodeOf } from "./ui.ts";
import type { Ui } from "./ui.ts";

const help = `Show which tags of a repository are signed, by whom, and with which keys, exactly as \`docker trust inspect\` prints it.

Usage: countersign inspect [--pretty | --json] IMAGE[:TAG]…

A look, not a decision: a collection that was never seen before is shown as its server presents it, with a warning, and is
not remembered. \`countersign verify\` decides.

  --json         one JSON array for all images (the default)
  --pretty       tables to read
  --server URL   the trust server. Default: DOCKER_CONTENT_TRUST_SERVER, else the registry's host
  --help         show this text

Exit code: 0, or that of the first image that could not be shown: 3 refused, 4 not reachable, 1 anything else.

Example:
  $ countersign inspect --pretty registry.example/team/app
`;

/** `countersign inspect IMAGE…` */
export const inspect = nativeCommand({
  help,
  options: {
    pretty: { type: "boolean" },
    json: { type: "boolean" },
    server: { type: "string" },
  },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "inspect needs at least one image");
    if (options.pretty === true && options.json === true) {
      throw new CliError("CLI_USAGE", "--pretty and --json exclude each other");
    }
    checkServer(options.server);
    const images = args.map((text) => ({ text, image: parseImageName(text) }));
    const access = { server: options.server, ui };
    const look: Look = (name, image) => inspectImage(name, image, access);
    return options.pretty === true ? await showTables(images, look, ui) : await showJson(images, look, ui);
  },
});

type Named = { readonly text: string; readonly image: ImageName };
type Look = (name: string, image: ImageName) => Promise<Inspection>;

/** Like Docker: two blank lines between images, and nothing more after the first failure. */
async function showTables(images: readonly Named[], look: Look, ui: Ui): Promise<number> {
  for (const [at, { text, image }] of images.entries()) {
    if (at > 0) ui.print("\n\n");
    try {
      ui.print(renderInspectPretty(await look(text, image)));
    } catch (error) {
      ui.fail(error, text);
      return exitCodeOf(error);
    }
  }
  return 0;
}

/** Like Docker: what could be shown is, and then comes what could not. */
async function showJson(images: readonly Named[], look: Look, ui: Ui): Promise<number> {
  const inspections: Inspection[] = [];
  const failures: { readonly text: string; readonly error: unknown }[] = [];
  for (const { text, image } of images) {
    try {
      inspections.push(await look(text, image));
    } catch (error) {
      failures.push({ text, error });
    }
  }
  ui.print(renderInspectJson(inspections));
  for (const { text, error } of failures) ui.fail(error, text);
  return failures.length === 0 ? 0 : exitCodeOf(failures[0]?.error);
}

async function inspectImage(name: string, image: ImageName, access: ImageAccess): Promise<Inspection> {
  const tag = image.digest === undefined ? image.tag : undefined;
  try {
    return inspectCollection(await updateForImage(image, PinPolicy.pinnedOnly(), access), { name, tag });
  } catch (error) {
    if (!isUnpinned(error)) throw error;
    const seen = await lookForImage(image, access);
    access.ui.warn(`the root of ${seen.gun} is not pinned: this is what the trust server presents`);
    return inspectCollection(seen, { name, tag });
  }
}
