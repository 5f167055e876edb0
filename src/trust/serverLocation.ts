import { isLoopbackHost } from "../transport/loopback.ts";
import { isDockerHub, type ImageName } from "../oci/imageName.ts";
import type { Environment } from "./directories.ts";
import { TrustError } from "./errors.ts";

/** The trust server of Docker Hub, whose registry has another host. */
const dockerHubTrustServer = "https://notary.docker.io";

/** Where the trust server of an image is, and how to speak to it. */
export interface ServerLocation {
  /** Without a path, `https://host[:port]`. */
  readonly url: string;
  /** `DOCKER_CONTENT_TRUST_SERVER`, the configured server, Docker Hub's own, or the host of the registry. */
  readonly origin: "environment" | "configuration" | "docker hub" | "registry";
  /** Whether plain HTTP may be tried when nothing speaks HTTPS there: only on this very machine. */
  readonly plainHttpFallback: boolean;
}

export interface ServerLocationOptions {
  readonly environment: Environment;
  /** The server named in the configuration file. */
  readonly configured?: string | undefined;
}

/**
 * Finds the trust server of an image as Docker does (client reference §7.1), with the configured one between the variable and
 * the registry's host. Unlike Docker, a loopback registry never switches off the checks of another host's certificate.
 * @throws TrustError TRUST_SERVER_URL when the variable does not hold an https address
 */
export function locateTrustServer(image: ImageName, options: ServerLocationOptions): ServerLocation {
  const named = options.environment["DOCKER_CONTENT_TRUST_SERVER"];
  if (named !== undefined && named !== "") {
    return { url: httpsAddress(named), origin: "environment", plainHttpFallback: false };
  }
  if (options.configured !== undefined && options.configured !== "") {
    return { url: options.configured, origin: "configuration", plainHttpFallback: false };
  }
  if (isDockerHub(image)) {
    return { url: dockerHubTrustServer, origin: "docker hub", plainHttpFallback: false };
  }
  const url = `https://${image.domain}`;
  return { url, origin: "registry", plainHttpFallback: isLoopbackHost(URL.parse(url)?.hostname ?? "") };
}

function httpsAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:") {
    // Docker's sentence; a password in the address is nobody's business.
    const shown = text.replace(/\/\/.*@/, "//");
    throw new TrustError("TRUST_SERVER_URL", `valid https URL required for trust server, got ${shown}`);
  }
  return text.replace(/\/+$/, "");
}
