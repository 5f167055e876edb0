import { stat } from "node:fs/promises";
import { ArchiveDestination } from "../oci/archiveDestination.ts";
import { openArchive } from "../oci/archiveSource.ts";
import { EngineDestination, openEngineImage } from "../oci/engineImage.ts";
import type { ImageDestination } from "../oci/imageDestination.ts";
import { familiarText, parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import { LayoutDestination } from "../oci/layoutDestination.ts";
import { LayoutSource } from "../oci/layoutSource.ts";
import { CliError } from "./errors.ts";

/** A place on this machine that an image is kept in. */
export type ImageLocation =
  | { readonly kind: "engine"; readonly image: ImageName }
  | { readonly kind: "layout" | "archive"; readonly path: string; readonly ref: string | undefined };

export const locationHelp = `  docker-daemon:NAME[:TAG]   the local Docker engine, over the socket of DOCKER_HOST or of Docker's context
  DIR[:REF]                  an OCI image layout
  FILE[:REF]                 a tar: an OCI layout in a tar, or what docker save writes

REF is the name that the image has there, where there are several. \`oci:\` and \`oci-archive:\` or \`docker-archive:\` before the
path, as skopeo has them, say which of the two is meant; without them a directory is a layout and a file is a tar.`;

const prefixes: ReadonlyMap<string, ImageLocation["kind"]> = new Map([
  ["docker-daemon", "engine"],
  ["oci", "layout"],
  ["oci-archive", "archive"],
  ["docker-archive", "archive"],
]);

/** Whether the text begins with the word for a kind of place, so that it cannot be the name of an image in a registry. */
export function hasLocationPrefix(text: string): boolean {
  return prefixes.has(text.split(":", 1)[0] ?? "") && text.includes(":");
}

/** Reads where an image is. @throws CliError CLI_USAGE when there is nothing of that name */
export async function parseSource(text: string): Promise<ImageLocation> {
  return parsePrefixed(text) ?? (await existing(text)) ?? nothingThere(text);
}

/**
 * A single word can be the name of an image on Docker Hub as well as a file or directory here; if there is one, nobody can say
 * which is meant.
 * @throws CliError CLI_USAGE
 */
export async function refusePath(text: string, hint: string): Promise<void> {
  const found = /[/:@]/.test(text) ? undefined : await existing(text);
  if (found !== undefined) {
    const what = found.kind === "layout" ? "directory" : "file";
    throw new CliError("CLI_USAGE", `${text} is the name of an image, and of a ${what} here`, { hint });
  }
}

/**
 * Reads where an image is to go: what does not exist yet is a tar if it is called so, else a layout.
 * @throws CliError CLI_USAGE for a file that is there and is not called a tar: writing an image would replace it
 */
export async function parseDestination(text: string): Promise<ImageLocation> {
  const prefixed = parsePrefixed(text);
  if (prefixed !== undefined) return prefixed;
  const { path, ref } = splitRef(text);
  const known = await existing(text);
  if (known?.kind === "archive" && !known.path.endsWith(".tar")) {
    throw new CliError("CLI_USAGE", `${known.path} is a file already, and not called *.tar`, {
      hint: `To replace it, write oci-archive:${text}.`,
    });
  }
  return known ?? { kind: path.endsWith(".tar") ? "archive" : "layout", path, ref };
}

export async function openSource(location: ImageLocation): Promise<ImageSource> {
  switch (location.kind) {
    case "engine":
      return await openEngineImage(location.image);
    case "layout":
      return await LayoutSource.open(location.path, location.ref);
    case "archive":
      return await openArchive(location.path, location.ref);
  }
}

/** @param name what the image is called where the location does not say it */
export async function openDestination(location: ImageLocation, name: ImageName): Promise<ImageDestination> {
  switch (location.kind) {
    case "engine":
      return await EngineDestination.open(location.image);
    case "layout":
      return await LayoutDestination.open(location.path, location.ref ?? name.tag);
    case "archive":
      return await ArchiveDestination.open(
        location.path,
        location.ref === undefined ? name : parseImageName(location.ref),
      );
  }
}

/** The location as people write it. */
export function describeLocation(location: ImageLocation): string {
  if (location.kind === "engine") return `docker-daemon:${familiarText(location.image)}`;
  return location.ref === undefined ? location.path : `${location.path}:${location.ref}`;
}

function parsePrefixed(text: string): ImageLocation | undefined {
  const [word = ""] = text.split(":", 1);
  const kind = hasLocationPrefix(text) ? prefixes.get(word) : undefined;
  if (kind === undefined) return undefined;
  const rest = text.slice(word.length + 1);
  return kind === "engine" ? { kind, image: parseImageName(rest) } : { kind, ...splitRef(rest) };
}

/** The whole text is the path of something, or what stands before its first colon is. */
async function existing(text: string): Promise<ImageLocation | undefined> {
  for (const { path, ref } of [{ path: text, ref: undefined }, splitRef(text)]) {
    const found = await stat(path).catch(() => undefined); // What cannot be looked at is not there for us either.
    if (found !== undefined) return { kind: found.isDirectory() ? "layout" : "archive", path, ref };
  }
  return undefined;
}

function splitRef(text: string): { readonly path: string; readonly ref: string | undefined } {
  const colon = text.indexOf(":");
  return colon < 0
    ? { path: text, ref: undefined }
    : { path: text.slice(0, colon), ref: text.slice(colon + 1) || undefined };
}

function nothingThere(text: string): never {
  throw new CliError("CLI_USAGE", `there is no file or directory ${text}`, {
    hint: `For an image in the Docker engine write docker-daemon:${text}; otherwise name an OCI layout directory or a tar.`,
  });
}
