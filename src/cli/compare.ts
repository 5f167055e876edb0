import { compareImages, readComparable } from "../oci/compare.ts";
import type { ComparableImage, Comparison, PlatformComparison, PlatformImage } from "../oci/compare.ts";
import { OciError } from "../oci/errors.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import { checkLayers } from "../oci/layerCheck.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import type { Decision } from "../trust/decision.ts";
import { judgeSide, openSide, readSide, settleTrust } from "./comparedSide.ts";
import type { JudgedSide, Sides } from "./comparedSide.ts";
import { CliError } from "./errors.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson, failingAsJson } from "./outcome.ts";
import { registryOptions, registryOptionsHelp } from "./registryImages.ts";
import type { RegistryUse } from "./registryImages.ts";
import { formatTable } from "./table.ts";
import { readPin, trustOptions, trustOptionsHelp } from "./trustOptions.ts";
import type { Ui } from "./ui.ts";

const help = `Say whether two images are the same, whatever registries they are in, and whose signature that proves.

Usage: countersign compare [OPTIONS] A B

A and B are names of images, or oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF], docker-daemon:NAME[:TAG];
a path that begins with / or ./ is a layout if it is a directory, and a tar if it is a file.
What is signed is taken as it is signed, whatever its tag means in the registry now; the other side as its tag means it. Both are
walked from index to manifests, configurations and layers. The same image can be packed and listed in different ways: what
counts is, for each platform, the configuration (its digest is the image ID that \`docker images\` shows) and the unpacked
layers it names. Layers that were packed anew are fetched and unpacked to prove that.

${trustOptionsHelp}
  --content-only        do not ask for trust data
  --platform PLATFORM   compare only the images for this one, for example linux/arm64
${registryOptionsHelp}
  --json                the result as a JSON document
  --help                show this text

Exit code: 0 the same, 3 different or refused, 4 could not decide, 2 wrong usage, 1 anything else. Without trust data on either
side, which is said, 0 means only that the contents are the same.

Example:
  $ countersign compare example/app:1.0 ghcr.io/example/app:1.0
  PLATFORM      RESULT                    A              B
  linux/amd64   same, in another list     97d1c9a2d3b1   97d1c9a2d3b1
  linux/arm64   same, in another list     0c2a7e11d9f4   0c2a7e11d9f4
  ghcr.io/example/app:1.0 is the image that alice signed as example/app:1.0
`;

const layout = { minimumWidth: 0, padding: 3 };
const shownDigits = 12;

/** `countersign compare A B` */
export const compare = nativeCommand({
  help,
  options: {
    ...trustOptions,
    ...registryOptions,
    "content-only": { type: "boolean" },
    platform: { type: "string" },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const [a, b, ...more] = args;
    if (a === undefined || b === undefined || more.length > 0) {
      throw new CliError("CLI_USAGE", "compare takes two images");
    }
    const pin = readPin(options);
    const platform = options.platform === undefined ? undefined : formatPlatform(parsePlatform(options.platform));
    const ask = options["content-only"] === true ? undefined : { pin, access: { server: options.server, ui } };
    const sides = [await readSide(a), await readSide(b)] as const;
    const asked = { a: { image: a }, b: { image: b } };
    return await failingAsJson({ json: options.json, ui, asked }, async () => {
      const judged = [await judgeSide(sides[0], ask), await judgeSide(sides[1], ask)] as const;
      settleTrust(judged, ui);
      const use = { insecure: options["insecure-registry"], warn: (text: string) => ui.warn(text) };
      const { images, comparison } = await compareSides(judged, { platform, use, ui });
      const conclusion = conclude(judged, comparison) + (platform === undefined ? "" : ` for ${platform}`);
      const refusal =
        comparison.verdict === "different"
          ? new CliError("CLI_DIFFERENT", `${conclusion}: ${comparison.difference ?? "they have nothing in common"}`)
          : undefined;
      if (options.json === true) {
        const [first, second] = [sideAsJson(judged[0], images[0]), sideAsJson(judged[1], images[1])];
        const { verdict, difference, platforms } = comparison;
        ui.printJson({ a: first, b: second, verdict, conclusion, difference, platforms: platforms.map(rowAsJson) });
      } else {
        ui.print(table(comparison));
        if (refusal === undefined) ui.print(`${ui.emphasise("green", conclusion)}\n`);
        else ui.fail(refusal);
      }
      return refusal === undefined ? 0 : 3;
    });
  },
});

async function compareSides(
  sides: Sides<JudgedSide>,
  { platform, use, ui }: { readonly platform: string | undefined; readonly use: RegistryUse; readonly ui: Ui },
): Promise<{ readonly images: Sides<ComparableImage>; readonly comparison: Comparison }> {
  const [a, b] = sides;
  const first = await openSide(a, use);
  try {
    const second = await openSide(b, use);
    try {
      const images = [await readOne(first, platform), await readOne(second, platform)] as const;
      const comparison = compareImages(...images);
      const repacked = comparison.platforms.filter(({ verdict, sameLayers }) => verdict === "sameImage" && !sameLayers);
      for (const { first: ours, second: theirs } of comparison.verdict === "sameImages" ? repacked : []) {
        if (ours === undefined || theirs === undefined) continue;
        // What a signature covers is the publisher's word; everything else has to prove that it fits the configuration.
        if (a.decision === undefined) await unpack(first, ours, a.text, ui);
        if (b.decision === undefined) await unpack(second, theirs, b.text, ui);
      }
      return { images, comparison };
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

async function readOne(source: ImageSource, platform: string | undefined): Promise<ComparableImage> {
  const image = await readComparable(source);
  if (platform === undefined) return image;
  const images = image.images.filter((one) => one.platform === platform);
  if (images.length > 0) return { ...image, images };
  const there = image.images.map((one) => one.platform).join(", ");
  throw new OciError("OCI_NO_PLATFORM", `${source.name} is not there for ${platform}, only for ${there || "none"}`);
}

async function unpack(source: ImageSource, image: PlatformImage, text: string, ui: Ui): Promise<void> {
  ui.note(`unpacking the layers of ${text} for ${image.platform}, which are packed differently`);
  await checkLayers(source, image);
}

/** The sentence that the comparison ends with; for different images, what is not the case. */
function conclude([a, b]: Sides<JudgedSide>, { verdict }: Comparison): string {
  const not = verdict === "different" ? " not" : "";
  if (a.decision !== undefined || b.decision !== undefined) {
    const [measured, signed, decision] =
      a.decision !== undefined ? [b.text, a.text, a.decision] : [a.text, b.text, b.decision];
    return `${measured} is${not} the image that ${whoSigned(decision)} signed as ${signed}`;
  }
  const asked = a.reason !== undefined || b.reason !== undefined;
  const what = verdict === "sameImages" ? "the same images in different lists" : "the same";
  return `${asked ? "neither is signed; " : ""}${a.text} and ${b.text} are${not} ${what}`;
}

function whoSigned(decision: Decision | undefined): string {
  const signers = decision?.signers ?? [];
  return signers.length > 0 ? signers.join(" and ") : `the owner of ${decision?.gun ?? ""}`;
}

const results: Readonly<Record<PlatformComparison["verdict"], string>> = {
  identical: "identical",
  sameImage: "same, in another list",
  different: "different",
  onlyFirst: "only in A",
  onlySecond: "only in B",
};

function table({ platforms }: Comparison): string {
  const id = (image: PlatformImage | undefined): string => {
    return image === undefined ? "-" : (image.config.digest.split(":")[1] ?? "").slice(0, shownDigits);
  };
  const rows = platforms.map(({ platform, verdict, first, second, sameLayers }) => {
    const result = verdict === "sameImage" && !sameLayers ? "same, packed anew" : results[verdict];
    return [platform === "" ? "-" : platform, result, id(first), id(second)];
  });
  return formatTable([["PLATFORM", "RESULT", "A", "B"], ...rows], layout);
}

function sideAsJson({ text, decision, reason }: JudgedSide, { root, isIndex }: ComparableImage): unknown {
  const { digest, mediaType, size } = root;
  return {
    image: text,
    digest,
    mediaType,
    size,
    isIndex,
    decision: decision ?? null,
    ...(reason !== undefined && { error: errorAsJson(reason) }),
  };
}

function rowAsJson({ platform, verdict, first, second, sameLayers, difference }: PlatformComparison): unknown {
  const facts = (image: PlatformImage | undefined): unknown => {
    return image === undefined
      ? null
      : { manifest: image.manifest.digest, config: image.config.digest, layers: image.layers.map((one) => one.digest) };
  };
  return { platform, verdict, sameLayers, difference, a: facts(first), b: facts(second) };
}
