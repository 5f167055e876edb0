import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** What can be wrong with image names, manifests, the places images are kept in, and Docker's own configuration. */
export const ociErrors = {
  OCI_NAME: {
    kind: "usage",
    cause: "The text is not the name of an image.",
    remedy:
      "Write [host[:port]/]path[:tag][@digest], the path in small letters, for example registry.example/team/app:1.0.",
  },
  OCI_DOCKER_CONFIG: {
    kind: "usage",
    cause: "Docker's config.json cannot be read, or an entry in it is not of the form Docker writes.",
    remedy: "Correct the file, or log in again with docker login.",
  },
  OCI_DOCKER_TLS: {
    kind: "usage",
    cause: "A file in /etc/docker/certs.d/<host:port>/ or ~/.docker/tls/<host:port>/ is missing or cannot be read.",
    remedy: "Name certificate authorities *.crt, and client certificates and their keys NAME.cert and NAME.key.",
  },
  OCI_CREDENTIAL_HELPER: {
    kind: "unavailable",
    cause: "The credential helper named in Docker's config.json is missing, failed, or gave no usable answer.",
    remedy:
      "Install docker-credential-<name>, unlock it, or remove credsStore/credHelpers from config.json and log in again.",
  },
  OCI_MANIFEST: {
    kind: "refused",
    cause: "The document is not an image manifest or index, or one that two programs could read differently.",
    remedy: "Build and push the image again with a current tool.",
  },
  OCI_MANIFEST_TYPE: {
    kind: "refused",
    cause:
      "The media type is not one of an OCI image manifest or index, a Docker manifest (schema 2) or manifest list.",
    remedy: "Push the image with a current tool; Docker's schema 1 is no longer taken.",
  },
  OCI_PLATFORM: {
    kind: "usage",
    cause: "The text is not a platform.",
    remedy: "Write os/architecture[/variant], for example linux/amd64 or linux/arm/v7.",
  },
  OCI_NO_PLATFORM: {
    kind: "failed",
    cause: "The image exists, but not for the platform asked for.",
    remedy: "Choose one of the platforms that the message lists.",
  },
  OCI_NOT_FOUND: {
    kind: "failed",
    cause: "The registry, directory or archive does not hold what was asked for.",
    remedy: "Check the spelling of the name, tag and digest; some registries also say this when a login is missing.",
  },
  OCI_UNAUTHORIZED: {
    kind: "unavailable",
    cause: "The registry wants a login, or the login it got may not do this.",
    remedy: "Log in with an account that may do this (docker login).",
  },
  OCI_DENIED: {
    kind: "failed",
    cause: "The registry refuses this to the login used, or to everybody: some serve only images that are signed.",
    remedy: "Read the reason it gives in the message.",
  },
  OCI_RATE_LIMIT: {
    kind: "unavailable",
    cause: "The registry answers no more requests of this account or address for a while.",
    remedy: "Wait, or log in: registries allow more to those they know.",
  },
  OCI_REGISTRY: {
    kind: "unavailable",
    cause: "The registry answered with a status that is neither success nor a reason.",
    remedy: "Try again later; if it lasts, check the address and the registry's log.",
  },
  OCI_REJECTED: {
    kind: "failed",
    cause: "The registry read the request and refused it.",
    remedy: "Read the reason it gives in the message.",
  },
  OCI_PROTOCOL: {
    kind: "unavailable",
    cause: "The registry's answer breaks the distribution protocol, so nothing can be made of it.",
    remedy: "Check that the address is that of a registry, and what stands between it and this machine.",
  },
  OCI_DIGEST: {
    kind: "refused",
    cause: "The bytes received are not those the digest names.",
    remedy: "Do not use the content; tell the operator of the registry. Nothing of it was kept.",
  },
  OCI_SIZE: {
    kind: "refused",
    cause: "There are more or fewer bytes than the descriptor that names the content says.",
    remedy: "Do not use the content; tell the operator of the registry. Nothing of it was kept.",
  },
  OCI_DIGEST_ALGORITHM: {
    kind: "refused",
    cause: "The content is named with a digest algorithm that cannot be checked here.",
    remedy: "Name the content with sha256 or sha512.",
  },
  OCI_TOO_LARGE: {
    kind: "refused",
    cause: "A manifest, a list, or the number of things an image is made of exceeds what is accepted.",
    remedy: "Build the image with fewer parts, or tell the operator of the registry.",
  },
  OCI_LAYOUT: {
    kind: "failed",
    cause: "The directory is not an OCI image layout, or not one of a version we know.",
    remedy: "Name a directory with the files oci-layout and index.json, as skopeo, buildx and this program write it.",
  },
  OCI_ARCHIVE: {
    kind: "refused",
    cause: "The file is not a tar made by docker save or in OCI form, or parts of it contradict each other.",
    remedy: "Save the image again; decompress the file first if it is compressed.",
  },
  OCI_CHOICE: {
    kind: "usage",
    cause: "The place holds several images and it was not said which, or none of the name given.",
    remedy: "Choose one of the names that the message lists.",
  },
  OCI_ENGINE: {
    kind: "unavailable",
    cause: "The Docker engine cannot be reached, or refused what was asked of it.",
    remedy: "Check that the engine runs and that you may use its socket (DOCKER_HOST, group docker).",
  },
  OCI_FILE: {
    kind: "failed",
    cause: "A file or directory of an image cannot be read or written.",
    remedy: "Check the path, the rights, and the room left on the disk.",
  },
} as const satisfies ErrorCatalogue;

export type OciCode = keyof typeof ociErrors;

export interface OciErrorOptions extends ErrorOptions {
  /** The HTTP status that the registry answered with. */
  readonly status?: number | undefined;
}

/** A failure of this room. `message` is Docker's text where Docker has one. */
export class OciError extends CountersignError {
  declare readonly code: OciCode;
  readonly status: number | undefined;

  constructor(code: OciCode, message: string, options: OciErrorOptions = {}) {
    super(code, ociErrors[code], message, options);
    this.status = options.status;
  }
}
