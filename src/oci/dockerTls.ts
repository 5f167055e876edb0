import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "./errors.ts";

/** PEM texts for the connection to one host. */
export interface DockerTlsFiles {
  /** Authorities to be trusted besides the system's. */
  readonly ca: readonly string[];
  readonly clientCertificates: readonly { readonly cert: string; readonly key: string }[];
}

const largestFile = 1024 * 1024;

/**
 * The files for a host in Docker's configuration directory, `<directory>/tls/<host[:port]>/`.
 * @throws OciError OCI_DOCKER_TLS, with Docker's message when one half of a pair is missing
 */
export async function readDockerTls(configDirectory: string, host: string): Promise<DockerTlsFiles> {
  return await readCertificates(join(configDirectory, "tls"), host);
}

/**
 * Reads `<parent>/<host[:port]>/` by Docker's rules: `*.crt` are certificate authorities, `NAME.cert` and `NAME.key` belong
 * together. No directory means no files.
 * @throws OciError OCI_DOCKER_TLS, with Docker's message when one half of a pair is missing
 */
export async function readCertificates(parent: string, host: string): Promise<DockerTlsFiles> {
  if (host === "" || host === "." || host === ".." || /[/\\\0]/.test(host)) {
    throw new OciError("OCI_DOCKER_TLS", `${JSON.stringify(host)} is not a host`);
  }
  const directory = join(parent, host);
  const names = (await list(directory)).toSorted();
  const partnerOf = (name: string, from: string, to: string, missing: (partner: string) => string): string => {
    const partner = name.slice(0, -from.length) + to;
    if (!names.includes(partner)) {
      throw new OciError("OCI_DOCKER_TLS", missing(partner));
    }
    return partner;
  };
  const ca: string[] = [];
  const clientCertificates: { cert: string; key: string }[] = [];
  for (const name of names) {
    if (name.endsWith(".crt")) {
      ca.push(await read(directory, name));
    } else if (name.endsWith(".cert")) {
      const key = partnerOf(name, ".cert", ".key", (key) => {
        return `missing key ${key} for client certificate ${name}. CA certificates must use the extension .crt`;
      });
      clientCertificates.push({ cert: await read(directory, name), key: await read(directory, key) });
    } else if (name.endsWith(".key")) {
      partnerOf(name, ".key", ".cert", (cert) => `missing client certificate ${cert} for key ${name}`);
    }
  }
  return { ca, clientCertificates };
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      return [];
    }
    throw new OciError("OCI_DOCKER_TLS", `cannot read ${directory}`, { cause });
  }
}

async function read(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new OciError("OCI_DOCKER_TLS", `cannot read ${path}`, { cause });
  }
  if (bytes.byteLength > largestFile) {
    throw new OciError("OCI_DOCKER_TLS", `${path} is larger than ${largestFile} bytes`);
  }
  return bytes.toString("utf8");
}
