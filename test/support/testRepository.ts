/** A collection made by hand, one valid state away from whatever a test wants to upload. */
import { randomUUID } from "node:crypto";
import {
  asMembers,
  asText,
  certificateKey,
  ecdsaKey,
  fileMeta,
  keyNamed,
  parseMembers,
  signedFile,
} from "./rawMetadata.ts";
import type { Json, JsonMembers, TestKey } from "./rawMetadata.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string | null;
}

export interface Part {
  readonly role: string;
  readonly content: string | Uint8Array;
}

/** A trust server at a URL, spoken to without any code of the product. */
export class TrustServerUnderTest {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async get(path: string): Promise<Answer> {
    return answerOf(await fetch(this.url + path));
  }

  async post(path: string, contentType: string | undefined, body: Uint8Array | string): Promise<Answer> {
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    return answerOf(await fetch(this.url + path, { method: "POST", headers, body: Buffer.from(body) }));
  }

  async upload(gun: string, parts: readonly Part[]): Promise<Answer> {
    const { contentType, body } = multipart(parts);
    return this.post(`/v2/${gun}/_trust/tuf/`, contentType, body);
  }

  /** The key the server keeps for `role`, as a publisher asks for it. */
  async key(gun: string, role: "snapshot" | "timestamp", method: "GET" | "POST" = "GET"): Promise<TestKey> {
    const path = `/v2/${gun}/_trust/tuf/${role}.key`;
    const answer = await (method === "GET" ? this.get(path) : this.post(path, undefined, ""));
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    const { keytype, keyval } = parseMembers(answer.body);
    return keyNamed(asText(keytype), asText(asMembers(keyval)["public"]));
  }
}

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: await response.text(), contentType: response.headers.get("content-type") };
}

export function multipart(parts: readonly Part[]): { readonly contentType: string; readonly body: Buffer } {
  const boundary = randomUUID();
  const chunks = parts.flatMap(({ role, content }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${role}"\r\n`,
    "Content-Type: application/octet-stream\r\n\r\n",
    content,
    "\r\n",
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => Buffer.from(chunk))),
  };
}

export interface RoleOfRoot {
  readonly keys: readonly TestKey[];
  readonly threshold?: number;
}

export interface FileOptions {
  readonly version?: number;
  readonly expires?: string;
  /** The keys that sign; by default those the role has. */
  readonly signers?: readonly TestKey[];
  /** Changes the signed part before it is signed. */
  readonly edit?: (signed: JsonMembers) => Json;
}

export interface RootOptions extends FileOptions {
  readonly root?: RoleOfRoot;
  readonly targets?: RoleOfRoot;
  readonly snapshot?: RoleOfRoot;
  readonly timestamp?: RoleOfRoot;
}

export interface TargetsOptions extends FileOptions {
  readonly delegations?: { readonly keys: JsonMembers; readonly roles: readonly Json[] };
  readonly targets?: JsonMembers;
}

export const day = 86_400_000;

/** RFC 3339 without fraction, `days` from now. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * day).toISOString().replace(/\.\d+Z$/, "Z");
}

/** A delegations object that names one role with these keys. */
export function delegation(
  name: string,
  keys: readonly TestKey[],
  { threshold = 1, paths = [""] }: { threshold?: number; paths?: readonly string[] } = {},
): NonNullable<TargetsOptions["delegations"]> {
  return {
    keys: Object.fromEntries(keys.map((key) => [key.id, key.json])),
    roles: [{ keyids: keys.map((key) => key.id), name, paths, threshold }],
  };
}

export interface RepositoryOptions {
  /** A new name by default. */
  readonly gun?: string;
  /** Who keeps the snapshot key; the server by default. */
  readonly snapshot?: "server" | "client";
  readonly rootKey?: (gun: string) => TestKey;
}

export class TestRepository {
  readonly server: TrustServerUnderTest;
  readonly gun: string;
  readonly rootKey: TestKey;
  readonly targetsKey: TestKey;
  /** Held by the server, or by the publisher in a repository made with `snapshot: "client"`. */
  readonly snapshotKey: TestKey;
  readonly timestampKey: TestKey;

  private constructor(server: TrustServerUnderTest, gun: string, keys: readonly [TestKey, TestKey, TestKey, TestKey]) {
    this.server = server;
    this.gun = gun;
    [this.rootKey, this.targetsKey, this.snapshotKey, this.timestampKey] = keys;
  }

  /** A name and keys of its own; nothing is uploaded. */
  static async create(server: TrustServerUnderTest, options: RepositoryOptions = {}): Promise<TestRepository> {
    const { gun = `case.test/${randomUUID()}`, rootKey = certificateKey } = options;
    const timestamp = await server.key(gun, "timestamp");
    const snapshot = options.snapshot === "client" ? ecdsaKey() : await server.key(gun, "snapshot");
    return new TestRepository(server, gun, [rootKey(gun), ecdsaKey(), snapshot, timestamp]);
  }

  /** A repository whose first upload (root and targets 1, the snapshot too if the publisher keeps its key) is accepted. */
  static async published(
    server: TrustServerUnderTest,
    options: RepositoryOptions & { readonly targets?: TargetsOptions } = {},
  ): Promise<TestRepository> {
    const repository = await TestRepository.create(server, options);
    const root = repository.root();
    const targets = repository.targets(options.targets);
    const snapshot = options.snapshot === "client" ? [repository.snapshot({ root, targets })] : [];
    await repository.publish(root, targets, ...snapshot);
    return repository;
  }

  /** Uploads what must be accepted. */
  async publish(...parts: readonly Part[]): Promise<void> {
    const answer = await this.server.upload(this.gun, parts);
    if (answer.status !== 200) throw new Error(`refused: ${answer.status} ${answer.body}`);
  }

  root(options: RootOptions = {}): Part {
    const roles = {
      root: options.root ?? { keys: [this.rootKey] },
      targets: options.targets ?? { keys: [this.targetsKey] },
      snapshot: options.snapshot ?? { keys: [this.snapshotKey] },
      timestamp: options.timestamp ?? { keys: [this.timestampKey] },
    };
    const signed: JsonMembers = {
      _type: "Root",
      consistent_snapshot: false,
      expires: options.expires ?? inDays(3650),
      keys: Object.fromEntries(Object.values(roles).flatMap(({ keys }) => keys.map((key) => [key.id, key.json]))),
      roles: Object.fromEntries(
        Object.entries(roles).map(([name, { keys, threshold = 1 }]) => [
          name,
          { keyids: keys.map((key) => key.id), threshold },
        ]),
      ),
      version: options.version ?? 1,
    };
    return this.#part("root", signed, options.signers ?? roles.root.keys, options);
  }

  targets(options: TargetsOptions = {}): Part {
    return this.#targetsFile("targets", options.signers ?? [this.targetsKey], options);
  }

  delegated(role: string, signers: readonly TestKey[], options: TargetsOptions = {}): Part {
    return this.#targetsFile(role, signers, options);
  }

  /** A snapshot of exactly these files. */
  snapshot(files: Readonly<Record<string, Part>>, options: FileOptions = {}): Part {
    const meta = Object.entries(files).flatMap(([role, part]) =>
      part ? [[role, fileMeta(String(part.content))]] : [],
    );
    const signed: JsonMembers = {
      _type: "Snapshot",
      expires: options.expires ?? inDays(1095),
      meta: Object.fromEntries(meta),
      version: options.version ?? 1,
    };
    return this.#part("snapshot", signed, options.signers ?? [this.snapshotKey], options);
  }

  /** Everything a client can see of the repository: what an upload that is refused must leave as it was. */
  async state(): Promise<readonly Answer[]> {
    const names = ["root", "targets", "snapshot", "timestamp", "targets/a", "targets/a/b"];
    const files = names.map((role) => `/v2/${this.gun}/_trust/tuf/${role}.json`);
    return Promise.all([...files, `/v2/${this.gun}/_trust/changefeed?records=0`].map((path) => this.server.get(path)));
  }

  #targetsFile(role: string, signers: readonly TestKey[], options: TargetsOptions): Part {
    const signed: JsonMembers = {
      _type: "Targets",
      delegations: options.delegations ?? { keys: {}, roles: [] },
      expires: options.expires ?? inDays(1095),
      targets: options.targets ?? {},
      version: options.version ?? 1,
    };
    return this.#part(role, signed, signers, options);
  }

  #part(role: string, signed: JsonMembers, signers: readonly TestKey[], { edit }: FileOptions): Part {
    return { role, content: signedFile(edit ? edit(signed) : signed, signers) };
  }
}
