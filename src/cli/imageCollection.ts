import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { TrustServer } from "../notary/trustServer.ts";
import type { Access } from "../notary/trustServer.ts";
import { DockerConfig, dockerConfigDirectory } from "../oci/dockerConfig.ts";
import { readDockerTls } from "../oci/dockerTls.ts";
import type { ImageName } from "../oci/imageName.ts";
import { Collection } from "../trust/collection.ts";
import type { CollectionOptions } from "../trust/collection.ts";
import { stateDirectory } from "../trust/directories.ts";
import { gunOfImage } from "../trust/gun.ts";
import { LastSeen } from "../trust/lastSeen.ts";
import { PinPolicy } from "../trust/pins.ts";
import { locateTrustServer } from "../trust/serverLocation.ts";
import type { VerifiedCollection } from "../trust/verifiedCollection.ts";
import { TufError } from "../tuf/errors.ts";
import { checkServer } from "./trustOptions.ts";
import type { Ui } from "./ui.ts";

export interface ImageAccess {
  /** `--server`; without it the environment and the image's name decide. */
  readonly server: string | undefined;
  readonly ui: Ui;
}

/**
 * Updates and verifies the collection that speaks for an image. It is found as Docker finds it, with Docker's cache,
 * logins and certificates per host; what was seen is remembered in our own state directory.
 * @throws what Collection.update throws; `isUnpinned` tells a root that is new and not pinned
 */
export async function updateForImage(
  image: ImageName,
  pins: PinPolicy,
  access: ImageAccess,
): Promise<VerifiedCollection> {
  return await withImageCollection(image, access, { ...ownPlaces(), pins }, (collection) => collection.update());
}

/** The collection as the trust server presents it, believing its root. Nothing of it is kept. */
export async function lookForImage(image: ImageName, access: ImageAccess): Promise<VerifiedCollection> {
  const trustDir = await mkdtemp(join(tmpdir(), "countersign-look-"));
  try {
    const place = { trustDir, pins: PinPolicy.firstUse() };
    return await withImageCollection(image, access, place, (collection) => collection.update());
  } finally {
    await rm(trustDir, { recursive: true, force: true });
  }
}

/** Where this person keeps what was seen and, as Docker has it, keys and cache. */
export function ownPlaces(): { readonly trustDir: string; readonly lastSeen: LastSeen } {
  const environment = process.env;
  return {
    trustDir: join(dockerConfigDirectory(environment), "trust"),
    lastSeen: new LastSeen(stateDirectory(environment, environment["HOME"] || homedir())),
  };
}

/** Whether verification failed only because the collection is new on this machine and nothing pins its root. */
export function isUnpinned(error: unknown): boolean {
  return (
    error instanceof TufError &&
    error.code === "TUF_ROOT_CERTIFICATE" &&
    error.message.endsWith("invalid trust pinning specified")
  );
}

/**
 * The trust server that speaks for an image, with Docker's logins and certificates for it. To be closed.
 * @throws CliError CLI_USAGE, TrustError TRUST_SERVER_URL, OciError OCI_DOCKER_TLS
 */
export async function trustServerOf(
  image: ImageName,
  {
    server: given,
    rights,
    insecureSkipVerify = () => false,
  }: {
    readonly server?: string | undefined;
    readonly rights: Access;
    /** Whether any certificate of the server at this host name is taken. */
    readonly insecureSkipVerify?: (hostname: string) => boolean;
  },
): Promise<TrustServer> {
  const environment = process.env;
  checkServer(given);
  const location =
    given === undefined ? locateTrustServer(image, { environment }) : { url: given, plainHttpFallback: false };
  const directory = dockerConfigDirectory(environment);
  const { host = location.url, hostname = "" } = URL.parse(location.url) ?? {};
  return new TrustServer({
    ...location,
    access: rights,
    tls: { ...(await readDockerTls(directory, host)), insecureSkipVerify: insecureSkipVerify(hostname) },
    credentials: async () => (await DockerConfig.load(directory, environment)).credentials(image.domain),
    offlineAfterFailedPing: false,
    environment,
  });
}

/**
 * Works on the collection that speaks for an image; the connection lasts as long as the work. What the error of the work says
 * anyway is not shown as a warning too.
 * @param rights what a token for the trust server has to allow
 * @throws CliError CLI_USAGE for a `--server` that is no address; TrustError TRUST_SERVER_URL, TRUST_GUN; what the work throws
 */
export async function withImageCollection<T>(
  image: ImageName,
  { server: given, ui }: ImageAccess,
  place: Omit<CollectionOptions, "gun" | "server" | "onWarning">,
  work: (collection: Collection) => Promise<T>,
  rights: Access = "pull",
): Promise<T> {
  const server = await trustServerOf(image, { server: given, rights });
  const troubles = new Set<string>();
  const collection = Collection.open({
    gun: gunOfImage(image),
    server,
    ...place,
    onWarning: ({ level, message, reason }) => {
      if (level === "warning") ui.warn(reason === undefined ? message : `${message}: ${reason}`);
      else if (level === "error") troubles.add(message);
    },
  });
  let failure = "";
  try {
    return await work(collection);
  } catch (error) {
    if (error instanceof Error) failure = error.message;
    throw error;
  } finally {
    server.close();
    for (const message of troubles) if (!isSaidBy(failure, message)) ui.warn(message);
  }
}

/** Whether the sentence of an error tells what a warning would tell. */
function isSaidBy(failure: string, warning: string): boolean {
  const expired = /^Metadata for (.*) expired$/.exec(warning)?.[1];
  return (failure !== "" && warning.endsWith(failure)) || failure.startsWith(`${expired} expired at `);
}
