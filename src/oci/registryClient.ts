import type { HttpAnswer } from "../transport/httpAnswer.ts";
import { downloadBlob } from "./blobDownload.ts";
import { BlobUpload, type Content, type PushOptions, type PushOutcome } from "./blobUpload.ts";
import type { Descriptor } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { manifestLimit, readFetched, type FetchedManifest } from "./fetchedManifest.ts";
import { parseManifest } from "./manifest.ts";
import { bareMediaType, manifestKind, manifestTypes } from "./mediaType.ts";
import { nextPage } from "./pageLink.ts";
import { ReferrerList } from "./referrerList.ts";
import { answerError } from "./registryAnswer.ts";
import { RegistryConnection, type ConnectionOptions, type RegistryRequest } from "./registryConnection.ts";
import { isRepositoryName, isTag } from "./repositoryName.ts";
import { catalogScope, repositoryScope, type RepositoryActions } from "./tokenScope.ts";

export type RegistryClientOptions = ConnectionOptions;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

const pageSize = 1000;
const mostPages = 1000;
const listLimit = 8 * 1024 * 1024;
const acceptedTypes = Object.values(manifestTypes).join(", ");

/**
 * A registry as its clients see it (distribution-spec 1.1). Everything that has a digest is checked against it; what is
 * answered has been proved to be what was asked for. Failures are OciErrors, or TransportErrors where no answer was had.
 */
export class RegistryClient {
  readonly #connection: RegistryConnection;

  constructor(options: RegistryClientOptions) {
    this.#connection = new RegistryConnection(options);
  }

  /** The registry as image names have it: `host[:port]`, or `docker.io`. */
  get domain(): string {
    return this.#connection.domain;
  }

  /**
   * What a tag or digest means now, as the registry says. Nothing has been checked: use it to see whether something is
   * there or has changed, and `getManifest` for what shall be trusted.
   */
  async resolve(repository: string, reference: string, { signal }: CallOptions = {}): Promise<Descriptor> {
    const answer = await this.#manifest("HEAD", repository, reference, signal);
    if (answer.status === 200) {
      const digest = String(answer.headers["docker-content-digest"] ?? reference);
      const mediaType = bareMediaType(answer.headers["content-type"] ?? "");
      const size = Number(answer.headers["content-length"] ?? Number.NaN);
      if (isDigest(digest) && manifestKind(mediaType) !== undefined && Number.isSafeInteger(size)) {
        return { mediaType, digest, size };
      }
    }
    if (answer.status === 404) {
      throw answerError(answer, this.#name(repository, reference));
    }
    return (await this.getManifest(repository, reference, { signal })).descriptor;
  }

  /** Fetches and checks a manifest: by tag, by digest, or as a descriptor says it has to be. */
  async getManifest(
    repository: string,
    reference: string | Descriptor,
    { signal }: CallOptions = {},
  ): Promise<FetchedManifest> {
    const text = typeof reference === "string" ? reference : reference.digest;
    const answer = await this.#manifest("GET", repository, text, signal);
    if (answer.status !== 200) {
      throw answerError(answer, this.#name(repository, text));
    }
    const contentType = answer.headers["content-type"];
    if (typeof reference !== "string") {
      return readFetched(answer.body, { ...reference, contentType });
    }
    const told = String(answer.headers["docker-content-digest"] ?? "");
    const digest = isDigest(reference) ? reference : isDigest(told) ? told : undefined;
    return readFetched(answer.body, { digest, contentType });
  }

  async hasManifest(repository: string, digest: string, { signal }: CallOptions = {}): Promise<boolean> {
    return isThere(await this.#manifest("HEAD", repository, digest, signal), this.#name(repository, digest));
  }

  async hasBlob(repository: string, digest: string, { signal }: CallOptions = {}): Promise<boolean> {
    const target = `${this.#path(repository)}/blobs/${checkedDigest(digest)}`;
    const answer = await this.#send({ method: "HEAD", target, repository, actions: "pull", signal });
    return isThere(answer, this.#name(repository, digest));
  }

  /**
   * The bytes of a blob as they come, counted and hashed; a broken connection is resumed. Nothing may be kept before the
   * last chunk has come without an error.
   */
  getBlob(
    repository: string,
    descriptor: Pick<Descriptor, "digest" | "size">,
    { signal }: CallOptions = {},
  ): AsyncIterable<Buffer> {
    this.#path(repository);
    return downloadBlob({ connection: this.#connection, repository, descriptor, signal });
  }

  /** Brings a blob into a repository unless it is there; what is sent is checked first or while it is sent. */
  async pushBlob(
    repository: string,
    descriptor: Pick<Descriptor, "digest" | "size">,
    content: Content,
    options: PushOptions = {},
  ): Promise<PushOutcome> {
    this.#path(repository);
    checkedDigest(descriptor.digest);
    return await new BlobUpload(this.#connection, repository, descriptor, options).run(content);
  }

  /**
   * Stores a manifest under a tag or its digest. If it has a subject and the registry does not keep referrers, the list of
   * referrers is kept in the fallback tag.
   */
  async putManifest(
    repository: string,
    reference: string,
    bytes: Buffer,
    mediaType: string,
    { signal }: CallOptions = {},
  ): Promise<Descriptor> {
    const fetched = readFetched(bytes, { mediaType, ...(isDigest(reference) && { digest: reference }) });
    const answer = await this.#send({
      method: "PUT",
      target: `${this.#path(repository)}/manifests/${checkedReference(reference)}`,
      repository,
      actions: "pull,push",
      headers: { "content-type": mediaType },
      body: { chunks: [bytes] },
      signal,
    });
    if (answer.status < 200 || answer.status > 299) {
      throw answerError(answer, this.#name(repository, reference));
    }
    if (fetched.manifest.subject !== undefined && answer.headers["oci-subject"] === undefined) {
      await this.#referrers(repository, signal).add(fetched);
    }
    return fetched.descriptor;
  }

  /** The manifests that name `digest` as their subject, of all or one artifact type. */
  async referrers(
    repository: string,
    digest: string,
    { artifactType, signal }: CallOptions & { readonly artifactType?: string } = {},
  ): Promise<readonly Descriptor[]> {
    const found = await this.#askReferrers(repository, digest, signal);
    const all = found ?? (await this.#referrers(repository, signal).read(digest));
    return artifactType === undefined ? all : all.filter((entry) => entry.artifactType === artifactType);
  }

  /** All tags of a repository, page by page as the registry gives them out. */
  async *tags(repository: string, { signal }: CallOptions = {}): AsyncGenerator<string> {
    const target = `${this.#path(repository)}/tags/list?n=${pageSize}`;
    const pages = this.#pages(target, repository, repositoryScope(repository, "pull"), signal);
    for await (const { body } of pages) {
      yield* readNames(body, "tags").filter(isTag);
    }
  }

  /** All repositories, where the registry gives out a catalogue (Docker's extension). */
  async *repositories({ signal }: CallOptions = {}): AsyncGenerator<string> {
    for await (const { body } of this.#pages(`/v2/_catalog?n=${pageSize}`, undefined, catalogScope, signal)) {
      yield* readNames(body, "repositories").filter(isRepositoryName);
    }
  }

  /** Deletes a manifest, and with it every tag on it. What it refers to stays, the entry in the fallback tag goes. */
  async deleteManifest(repository: string, digest: string, options: CallOptions = {}): Promise<void> {
    const subject = await this.#subjectOf(repository, checkedDigest(digest), options);
    await this.#delete(repository, `manifests/${digest}`, digest, options);
    if (subject !== undefined && (await this.#askReferrers(repository, subject.digest, options.signal)) === undefined) {
      await this.#referrers(repository, options.signal).remove(subject.digest, digest);
    }
  }

  /** Deletes a tag and nothing else. Not every registry can. */
  async deleteTag(repository: string, tag: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(repository, `manifests/${checkedReference(tag)}`, tag, options);
  }

  async deleteBlob(repository: string, digest: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(repository, `blobs/${checkedDigest(digest)}`, digest, options);
  }

  /** Closes idle connections. */
  close(): void {
    this.#connection.close();
  }

  /** A manifest that cannot be read has no subject, and can still be deleted. */
  async #subjectOf(repository: string, digest: string, options: CallOptions): Promise<Descriptor | undefined> {
    try {
      return (await this.getManifest(repository, digest, options)).manifest.subject;
    } catch (error) {
      if (error instanceof OciError && error.kind === "refused") {
        return undefined;
      }
      throw error;
    }
  }

  /** The referrers API's answer; undefined where the registry has none. */
  async #askReferrers(
    repository: string,
    digest: string,
    signal: AbortSignal | undefined,
  ): Promise<Descriptor[] | undefined> {
    const target = `${this.#path(repository)}/referrers/${checkedDigest(digest)}`;
    const found: Descriptor[] = [];
    for await (const answer of this.#pages(target, repository, repositoryScope(repository, "pull"), signal)) {
      if (answer.status === 404 || bareMediaType(answer.headers["content-type"] ?? "") !== manifestTypes.ociIndex) {
        return undefined;
      }
      const page = parseManifest(answer.body, manifestTypes.ociIndex);
      found.push(...(page.kind === "index" ? page.manifests : []));
    }
    return found;
  }

  #referrers(repository: string, signal: AbortSignal | undefined): ReferrerList {
    return new ReferrerList({
      get: async (tag) => {
        const answer = await this.#manifest("GET", repository, tag, signal);
        if (answer.status === 404) {
          return undefined;
        }
        if (answer.status !== 200) {
          throw answerError(answer, this.#name(repository, tag));
        }
        return readFetched(answer.body, { contentType: answer.headers["content-type"] });
      },
      put: async (tag, bytes) => {
        await this.putManifest(repository, tag, bytes, manifestTypes.ociIndex, { signal });
      },
    });
  }

  async #delete(repository: string, path: string, reference: string, { signal }: CallOptions): Promise<void> {
    const target = `${this.#path(repository)}/${path}`;
    const answer = await this.#send({ method: "DELETE", target, repository, actions: "*", signal });
    if (answer.status < 200 || answer.status > 299) {
      throw answerError(answer, this.#name(repository, reference));
    }
  }

  async #manifest(
    method: "GET" | "HEAD",
    repository: string,
    reference: string,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const target = `${this.#path(repository)}/manifests/${checkedReference(reference)}`;
    const headers = { accept: acceptedTypes };
    return await this.#send({ method, target, repository, actions: "pull", headers, signal });
  }

  /** Follows `Link` headers on the registry itself, as long as they lead to pages not seen before. */
  async *#pages(
    first: string,
    repository: string | undefined,
    scope: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<HttpAnswer> {
    const seen = new Set<string>();
    for (let target: string | undefined = first; target !== undefined;) {
      if (seen.has(target) || seen.size === mostPages) {
        throw new OciError("OCI_TOO_LARGE", `${this.domain}: the list at ${first} does not come to an end`);
      }
      seen.add(target);
      const request = { method: "GET", target, repository, scopes: [scope], signal } as const;
      const answer = await this.#connection.send(request, listLimit);
      const isReferrers = first.includes("/referrers/");
      if (answer.status !== 200 && !(isReferrers && answer.status === 404)) {
        throw answerError(answer, this.#name(repository ?? "", ""));
      }
      yield answer;
      const next = nextPage(answer.headers["link"]);
      target = next === undefined ? undefined : await this.#connection.resolve(next, target);
    }
  }

  async #send(
    request: Omit<RegistryRequest, "scopes"> & { readonly repository: string; readonly actions: RepositoryActions },
  ): Promise<HttpAnswer> {
    const { actions, ...rest } = request;
    return await this.#connection.send({ ...rest, scopes: [repositoryScope(rest.repository, actions)] }, manifestLimit);
  }

  #path(repository: string): string {
    if (!isRepositoryName(repository)) {
      throw new OciError("OCI_NAME", `${JSON.stringify(repository)} is not the path of a repository`);
    }
    return `/v2/${repository}`;
  }

  /** How messages name content: as in image names. */
  #name(repository: string, reference: string): string {
    const separator = reference === "" ? "" : reference.includes(":") ? "@" : ":";
    return `${this.domain}/${repository}${separator}${reference}`;
  }
}

function isThere(answer: HttpAnswer, what: string): boolean {
  if (answer.status === 404) {
    return false;
  }
  if (answer.status !== 200) {
    throw answerError(answer, what);
  }
  return true;
}

function checkedDigest(digest: string): string {
  if (!isDigest(digest)) {
    throw new OciError("OCI_DIGEST_ALGORITHM", `${digest} is not a sha256 or sha512 digest`);
  }
  return digest;
}

function checkedReference(reference: string): string {
  if (!isDigest(reference) && !isTag(reference)) {
    throw new OciError("OCI_NAME", `${JSON.stringify(reference)} is neither a tag nor a digest`);
  }
  return reference;
}

/** The texts in a list of a JSON answer. Old registries write null for an empty one. */
function readNames(body: Buffer, member: string): readonly string[] {
  let list: unknown;
  try {
    const answer: unknown = JSON.parse(body.toString("utf8"));
    list = typeof answer === "object" && answer !== null ? (Reflect.get(answer, member) ?? []) : undefined;
  } catch {
    // Reported below, like every other answer without a list.
    list = undefined;
  }
  if (!Array.isArray(list)) {
    throw new OciError("OCI_PROTOCOL", `the registry answered something that is no list of ${member}`);
  }
  return list.filter((name) => typeof name === "string");
}
