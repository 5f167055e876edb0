import { OciError } from "./errors.ts";

/** What an image runs on (image-spec, "Image Index Property Descriptions"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** How one piece of content names another (image-spec, "Descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  /** Of any algorithm; those we know are checked for their form. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  readonly platform?: Platform;
}

export type JsonRecord = Readonly<Record<string, unknown>>;

const members = ["mediaType", "digest", "size", "artifactType", "annotations", "urls", "platform"];

const anyDigest = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/;
const registeredDigests: Readonly<Record<string, RegExp>> = {
  sha256: /^sha256:[0-9a-f]{64}$/,
  sha512: /^sha512:[0-9a-f]{128}$/,
  blake3: /^blake3:[0-9a-f]{64}$/,
};

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads a descriptor. Members beyond those listed are left alone.
 * @param where names the descriptor in the error, e.g. `layers[2]`
 * @throws OciError OCI_MANIFEST
 */
export function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isRecord(value)) {
    throw wrong(where, "must be an object");
  }
  checkSpelling(value, members, where);
  const { mediaType, digest, size, platform } = value;
  if (typeof mediaType !== "string" || mediaType === "") {
    throw wrong(`${where}.mediaType`, "must be a media type");
  }
  if (typeof digest !== "string" || !isWellFormedDigest(digest)) {
    throw wrong(`${where}.digest`, "must be a digest");
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw wrong(`${where}.size`, "must be a number of bytes");
  }
  const artifactType = optionalString(value["artifactType"], `${where}.artifactType`);
  const annotations = readAnnotations(value["annotations"], `${where}.annotations`);
  const urls = optionalStrings(value["urls"], `${where}.urls`);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
    ...(urls !== undefined && { urls }),
    ...(present(platform) && { platform: readPlatform(platform, `${where}.platform`) }),
  };
}

/** Annotations, names and values both texts; undefined when absent or null. */
export function readAnnotations(value: unknown, where: string): Readonly<Record<string, string>> | undefined {
  if (!present(value)) {
    return undefined;
  }
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === "string")) {
    throw wrong(where, "must be an object of texts");
  }
  return value as Readonly<Record<string, string>>;
}

/** A text; undefined when absent, null or empty, which Go's encoders do not tell apart. */
export function optionalString(value: unknown, where: string): string | undefined {
  if (!present(value) || value === "") {
    return undefined;
  }
  if (typeof value !== "string") {
    throw wrong(where, "must be a text");
  }
  return value;
}

/** Whether a member is there. Go writes null for a list or object that was never set. */
export function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/**
 * Refuses members that are one of `known` but for the case of their letters: Go's decoders take `Layers` for `layers`, others
 * do not.
 */
export function checkSpelling(record: JsonRecord, known: readonly string[], where: string): void {
  for (const name of Object.keys(record)) {
    const other = known.find((member) => member !== name && member.toLowerCase() === name.toLowerCase());
    if (other !== undefined) {
      throw wrong(where, `has a member ${JSON.stringify(name)} that can be taken for ${JSON.stringify(other)}`);
    }
  }
}

export function wrong(where: string, what: string): OciError {
  return new OciError("OCI_MANIFEST", `${where} ${what}`);
}

function readPlatform(value: unknown, where: string): Platform {
  if (!isRecord(value)) {
    throw wrong(where, "must be an object");
  }
  const text = (name: string): string | undefined => optionalString(value[name], `${where}.${name}`);
  const variant = text("variant");
  const version = text("os.version");
  const features = optionalStrings(value["os.features"], `${where}.os.features`);
  return {
    os: text("os") ?? "",
    architecture: text("architecture") ?? "",
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { "os.version": version }),
    ...(features !== undefined && { "os.features": features }),
  };
}

function optionalStrings(value: unknown, where: string): readonly string[] | undefined {
  if (!present(value)) {
    return undefined;
  }
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw wrong(where, "must be a list of texts");
  }
  return value;
}

function isWellFormedDigest(text: string): boolean {
  const registered = registeredDigests[text.slice(0, text.indexOf(":"))];
  return (registered ?? anyDigest).test(text);
}
