import { OciError } from "./errors.ts";
import { longestPath, pathComponent, tagGrammar } from "./repositoryName.ts";

/** The full name of an image: what Docker makes of the short forms people type. */
export interface ImageName {
  /** Host and port of the registry; `docker.io` for Docker Hub. */
  readonly domain: string;
  /** The repository on that registry, `library/alpine` for Docker's own images. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:<hex>`. With a digest, a tag is only a note: the digest decides. */
  readonly digest?: string;
}

const defaultDomain = "docker.io";
const legacyDefaultDomain = "index.docker.io";
const officialPrefix = "library/";

// The grammar of the distribution project's reference package, which Docker uses.
const hostLabel = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domainPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const remotePattern = new RegExp(
  `^(${pathComponent}(?:/${pathComponent})*)(?::(${tagGrammar}))?` +
    "(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$",
);
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/**
 * Reads an image name as Docker does: `alpine` is `docker.io/library/alpine`, `index.docker.io` is `docker.io`, a first part
 * with a dot, a colon or a capital letter (or `localhost`) is a registry.
 * @throws OciError OCI_NAME with Docker's message
 */
export function parseImageName(text: string): ImageName {
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw new OciError("OCI_NAME", `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remote } = splitDomain(text);
  const [repository = ""] = remote.split(":", 1);
  if (repository.toLowerCase() !== repository) {
    throw new OciError("OCI_NAME", `invalid reference format: repository name (${repository}) must be lowercase`);
  }
  const found = remotePattern.exec(remote);
  if (found === null || !domainPattern.test(domain)) {
    throw new OciError("OCI_NAME", "invalid reference format");
  }
  const [, path = "", tag, digest] = found;
  if (path.length > longestPath) {
    throw new OciError("OCI_NAME", `repository name must not be more than ${longestPath} characters`);
  }
  if (digest !== undefined) {
    checkDigest(digest);
  }
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function splitDomain(text: string): { readonly domain: string; readonly remote: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isDomain = first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first;
  const onHub = !isDomain || first === defaultDomain || first === legacyDefaultDomain;
  const remote = isDomain ? text.slice(slash + 1) : text;
  if (!onHub) {
    return { domain: first, remote };
  }
  return { domain: defaultDomain, remote: remote.includes("/") ? remote : officialPrefix + remote };
}

function checkDigest(digest: string): void {
  const colon = digest.indexOf(":");
  const length = digestLengths[digest.slice(0, colon)];
  const hex = digest.slice(colon + 1);
  if (length === undefined) {
    throw new OciError("OCI_NAME", "unsupported digest algorithm");
  }
  if (hex.length !== length) {
    throw new OciError("OCI_NAME", "invalid checksum digest length");
  }
  if (hex !== hex.toLowerCase()) {
    throw new OciError("OCI_NAME", "invalid checksum digest format");
  }
}

/** The repository in full, without tag and digest. This is the GUN of the collection that signs for it. */
export function repositoryName({ domain, path }: ImageName): string {
  return `${domain}/${path}`;
}

/** The shortest name that means the same repository: `alpine`, `bitnami/redis`, `registry.example/app`. */
export function familiarName({ domain, path }: ImageName): string {
  if (domain !== defaultDomain) {
    return `${domain}/${path}`;
  }
  const short = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  return short.includes("/") ? path : short;
}

/** The short name with the tag and digest it carries, as Docker prints it. */
export function familiarText(name: ImageName): string {
  const tag = name.tag === undefined ? "" : `:${name.tag}`;
  return familiarName(name) + tag + (name.digest === undefined ? "" : `@${name.digest}`);
}

/** The same name with the tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(name: ImageName): ImageName {
  return name.tag === undefined && name.digest === undefined ? { ...name, tag: "latest" } : name;
}

/** Whether the image lives on Docker Hub. */
export function isDockerHub({ domain }: ImageName): boolean {
  return domain === defaultDomain;
}
