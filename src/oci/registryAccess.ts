import { join } from "node:path";
import type { Credentials } from "../transport/credentials.ts";
import type { TlsOptions } from "../transport/tlsOptions.ts";
import { DockerConfig, dockerConfigDirectory } from "./dockerConfig.ts";
import { readCertificates } from "./dockerTls.ts";
import { podmanCredentials } from "./podmanAuth.ts";
import { RegistryClient, type RegistryClientOptions } from "./registryClient.ts";

export interface RegistryAccessOptions extends Pick<
  RegistryClientOptions,
  "insecure" | "acceptUnsigned" | "userAgent" | "onWarning" | "retry" | "timeouts"
> {
  readonly environment?: NodeJS.ProcessEnv;
  /** Certificate authorities (PEM texts) besides those in the directories. */
  readonly ca?: readonly string[];
  /** Where `<host:port>/*.crt` and client certificates lie, besides Docker's configuration directory. */
  readonly certificateDirectories?: readonly string[];
}

/** Where Docker's engine, and podman and its relatives, look. */
const systemDirectories = ["/etc/docker/certs.d", "/etc/containers/certs.d"];

/**
 * A client for the registry of an image, with the logins and certificates that Docker and podman keep on this machine and
 * the proxy that the environment names. Logins are looked for only when the registry wants one.
 * @param domain `host[:port]` as in image names, or `docker.io`
 * @throws OciError OCI_NAME, OCI_DOCKER_TLS
 */
export async function openRegistry(domain: string, options: RegistryAccessOptions = {}): Promise<RegistryClient> {
  const { environment = process.env, ca = [], certificateDirectories = systemDirectories, ...rest } = options;
  const directories = [...certificateDirectories, join(dockerConfigDirectory(environment), "tls")];
  return new RegistryClient({
    ...rest,
    domain,
    environment,
    tls: await readTls(domain, directories, ca),
    credentials: (repository) => findCredentials(domain, repository, environment),
  });
}

async function readTls(domain: string, directories: readonly string[], ca: readonly string[]): Promise<TlsOptions> {
  const found = await Promise.all(directories.map((directory) => readCertificates(directory, domain)));
  return {
    ca: [...ca, ...found.flatMap((files) => files.ca)],
    clientCertificates: found.flatMap((files) => files.clientCertificates),
  };
}

/** @throws OciError OCI_DOCKER_CONFIG, OCI_CREDENTIAL_HELPER */
async function findCredentials(
  domain: string,
  repository: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  return (
    (await DockerConfig.fromEnvironment(environment).credentials(domain)) ??
    (await (await DockerConfig.load(dockerConfigDirectory(environment), environment)).credentials(domain)) ??
    (await podmanCredentials(domain, repository ?? "", environment))
  );
}
