import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** What can be wrong with image names, manifests, and Docker's own configuration. */
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
    cause: "A file in ~/.docker/tls/<host:port>/ is missing or cannot be read.",
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
} as const satisfies ErrorCatalogue;

export type OciCode = keyof typeof ociErrors;

/** A failure of this room. `message` is Docker's text where Docker has one. */
export class OciError extends CountersignError {
  declare readonly code: OciCode;

  constructor(code: OciCode, message: string, options: ErrorOptions = {}) {
    super(code, ociErrors[code], message, options);
  }
}
