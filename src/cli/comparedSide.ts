import { parseImageName, withDefaultTag } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import type { Decision } from "../trust/decision.ts";
import { gunOfImage } from "../trust/gun.ts";
import type { Pin } from "../trust/pins.ts";
import { CountersignError } from "../tuf/error.ts";
import { ownPlaces } from "./imageCollection.ts";
import type { ImageAccess } from "./imageCollection.ts";
import { decide } from "./imageDecision.ts";
import { hasLocationPrefix, openSource, parseSource, refusePath } from "./imageLocation.ts";
import type { ImageLocation } from "./imageLocation.ts";
import { openSigned, RegistryImage } from "./registryImages.ts";
import type { RegistryUse } from "./registryImages.ts";
import type { Ui } from "./ui.ts";

/** One of two images that are compared, as named. */
export interface Side {
  readonly text: string;
  readonly place:
    | { readonly kind: "registry"; readonly image: ImageName }
    | { readonly kind: "local"; readonly location: ImageLocation };
}

/** A side, and what its trust data say. */
export interface JudgedSide extends Side {
  readonly decision: Decision | undefined;
  /** Why there is no decision; undefined where none was asked for. */
  readonly reason: unknown;
  /** The reason is just that nobody has signed the image. */
  readonly isUnsigned: boolean;
}

export type Sides<T> = readonly [T, T];

const unsignedCodes: readonly string[] = ["TRUST_NO_DATA", "TRUST_UNRELEASED", "TUF_NO_SUCH_TARGET"];

/**
 * Reads one side. A place on this machine is told from the name of an image by the word before its colon, or by beginning as
 * paths do and names cannot.
 * @throws CliError CLI_USAGE for a name that could be either
 */
export async function readSide(text: string): Promise<Side> {
  if (hasLocationPrefix(text) || /^\.{0,2}\//.test(text)) {
    return { text, place: { kind: "local", location: await parseSource(text) } };
  }
  await refusePath(text, `Write ./${text} for what is on this machine, or docker.io/library/${text} for the image.`);
  return { text, place: { kind: "registry", image: withDefaultTag(parseImageName(text)) } };
}

/**
 * Asks for the trust data of a side.
 * @param ask undefined to do without
 */
export async function judgeSide(
  side: Side,
  ask: { readonly pin: Pin; readonly access: ImageAccess } | undefined,
): Promise<JudgedSide> {
  if (side.place.kind === "local" || ask === undefined) {
    return { ...side, decision: undefined, reason: undefined, isUnsigned: true };
  }
  const { image } = side.place;
  try {
    const decision = await decide(image, ask.pin, ask.access);
    return { ...side, decision, reason: undefined, isUnsigned: false };
  } catch (reason) {
    return { ...side, decision: undefined, reason, isUnsigned: await saysUnsigned(reason, image) };
  }
}

/** A collection that was seen before and is not there any more is no image without signatures. */
async function saysUnsigned(reason: unknown, image: ImageName): Promise<boolean> {
  if (!(reason instanceof CountersignError) || !unsignedCodes.includes(reason.code)) return false;
  return reason.code !== "TRUST_NO_DATA" || (await ownPlaces().lastSeen.read(gunOfImage(image))).size === 0;
}

/**
 * One side with a decision is enough: the other one is measured by it. Without any, only that there is nothing signed lets the
 * contents be compared; trust data that are wrong, or cannot be had, do not.
 */
export function settleTrust(sides: Sides<JudgedSide>, ui: Ui): void {
  const troubles = sides.filter(({ reason, isUnsigned }) => reason !== undefined && !isUnsigned);
  if (sides.some(({ decision }) => decision !== undefined)) {
    for (const { text, reason } of troubles) {
      ui.warn(`the trust data of ${text} are left aside: ${reason instanceof Error ? reason.message : String(reason)}`);
    }
    return;
  }
  const refused = troubles.find(({ reason }) => reason instanceof CountersignError && reason.kind === "refused");
  const worst = refused ?? troubles[0];
  if (worst !== undefined) throw worst.reason;
}

/** The content that counts: what was signed, else what the name means now. */
export async function openSide({ place, decision }: JudgedSide, use: RegistryUse): Promise<ImageSource> {
  if (place.kind === "local") return await openSource(place.location);
  return decision === undefined
    ? await RegistryImage.open(place.image, use)
    : await openSigned(place.image, decision, use);
}
