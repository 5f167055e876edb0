/**
 * Our trust server in the place of the original, for traffic recorded from the original: the same keys, the same moment.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TrustServerOptions } from "../../src/server/config.ts";
import { SqliteStore } from "../../src/server/sqliteStore.ts";
import { LocalSigningService } from "../../src/signer/localSigningService.ts";
import { MemoryKeyTable } from "../../src/signer/memoryKeyTable.ts";
import { asList, asMembers, asText, parseMembers } from "./rawMetadata.ts";
import type { Json, JsonMembers } from "./rawMetadata.ts";
import type { RecordedExchange } from "./recordedExchange.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import { ListeningServer } from "./trustServer.ts";
import type { WireAnswer } from "./trustServer.ts";
import { envelopeOf } from "./uploadCase.ts";
import type { Expected } from "./uploadCase.ts";
import { readJsonVector } from "./vectors.ts";

/** Rows of the original signer's table with the passphrases that open them. */
interface RecordedKeys {
  readonly passphrases: Readonly<Record<string, string>>;
  readonly rows: readonly {
    readonly key_id: string;
    readonly encryption_alg: string;
    readonly keywrap_alg: string;
    readonly algorithm: string;
    readonly passphrase_alias: string;
    readonly public_b64: string;
    readonly private_jwe: string;
    readonly gun: string;
    readonly role: string;
  }[];
}

/** Any moment while the traffic was recorded: what it carries was valid then. */
export const recordedAt = new Date("2026-11-21T04:12:00Z");

/** What the recording connection said about itself. */
const connectionHeaders = new Set(["connection", "content-length", "transfer-encoding", "host", "accept-encoding"]);

export class ReplayedServer {
  readonly server: ListeningServer;
  readonly #table: MemoryKeyTable;
  readonly #keys: RecordedKeys;
  readonly #inserted = new Set<string>();

  private constructor(server: ListeningServer, table: MemoryKeyTable, keys: RecordedKeys) {
    this.server = server;
    this.#table = table;
    this.#keys = keys;
  }

  /** @param keys the vector with the signer's rows */
  static async start(t: TestContext, keys: string, config: TrustServerOptions = {}): Promise<ReplayedServer> {
    const recorded = readJsonVector<RecordedKeys>(keys);
    const table = new MemoryKeyTable();
    const signing = new LocalSigningService({
      table,
      aliases: { default: "timestamp_1", passphrase: (alias) => recorded.passphrases[alias] },
      now: () => recordedAt,
    });
    const store = SqliteStore.open(join(temporaryDirectory(t), "trust.db"));
    const server = await ListeningServer.start(t, { store, signing, config, now: () => recordedAt });
    return new ReplayedServer(server, table, recorded);
  }

  /** Errors the server has logged: things that went wrong in itself. */
  get failures(): readonly Record<string, unknown>[] {
    return this.server.log.filter(({ level }) => level === "error");
  }

  /** Sends a recorded request; a key that the original answered with is put into the signer's table before. */
  async replay(exchange: RecordedExchange, path = exchange.path): Promise<WireAnswer> {
    const { method, req_headers: headers, req_body: body, res_body: recorded } = exchange;
    if (recorded?.startsWith('{"keytype"')) {
      await this.#insertKey(parseMembers(recorded));
    }
    const sent = Object.entries(headers).filter(([name]) => !connectionHeaders.has(name.toLowerCase()));
    return this.server.request(method, path, {
      headers: Object.fromEntries(sent),
      ...(body !== undefined && { body }),
    });
  }

  async #insertKey({ keyval }: JsonMembers): Promise<void> {
    const publicValue = asMembers(keyval)["public"];
    const row = this.#keys.rows.find(({ public_b64 }) => public_b64 === publicValue);
    assert.ok(row, "the vector holds every key the original answered with");
    if (this.#inserted.has(row.key_id)) return;
    this.#inserted.add(row.key_id);
    await this.#table.insert({
      keyId: row.key_id,
      algorithm: row.algorithm,
      encryptionAlgorithm: row.encryption_alg,
      keywrapAlgorithm: row.keywrap_alg,
      passphraseAlias: row.passphrase_alias,
      public: Buffer.from(row.public_b64, "base64"),
      private: Buffer.from(row.private_jwe),
      gun: row.gun,
      role: row.role,
      createdAt: recordedAt,
    });
  }
}

/** How our answer to a recorded request is meant to differ, and why. */
export interface Divergence {
  readonly answer: Expected;
  readonly because: string;
}

/** Divergences by the number and label of the recorded request. */
export type Divergences = Readonly<Record<string, Divergence>>;

/**
 * Sends recorded requests in order and compares each answer with the recorded one, except for the divergences, which have to
 * be as described and have to differ.
 */
export async function replayAll(
  server: ReplayedServer,
  exchanges: readonly RecordedExchange[],
  divergences: Divergences,
): Promise<void> {
  const unused = new Set(Object.keys(divergences));
  for (const [number, exchange] of exchanges.entries()) {
    const name = `${number} ${exchange.label ?? exchange.path}`;
    const ours = await server.replay(exchange);
    const divergence = divergences[name];
    const expected = recordedAnswer(exchange);
    const actual = comparable(exchange.path, ours);
    if (divergence === undefined) {
      assert.deepEqual(actual, expected, name);
    } else {
      unused.delete(name);
      assert.deepEqual(envelopeOf(ours), divergence.answer, name);
      assert.notDeepEqual(actual, expected, `${name} no longer diverges`);
    }
  }
  assert.deepEqual([...unused], [], "every divergence names a recorded request");
}

/** What of the headers must be equal. `Last-Modified` must be there; the original writes it in no standard form. */
const comparedHeaders = ["content-type", "cache-control", "pragma", "location", "www-authenticate"];

interface Comparable {
  readonly status: number | "no answer";
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Json;
}

/** What of an answer must be equal to the original's. */
export function comparable(path: string, answer: Pick<WireAnswer, "status" | "headers" | "body">): Comparable {
  const { status, headers, body } = answer;
  const compared = Object.fromEntries(comparedHeaders.map((name) => [name, headers[name]]));
  return {
    status,
    headers: { ...compared, lastModified: headers["last-modified"] !== undefined },
    body: comparableBody(path, body),
  };
}

export function recordedAnswer({ path, status, res_headers, res_body = "" }: RecordedExchange): Comparable {
  if (status === undefined) {
    return { status: "no answer", headers: {}, body: "" };
  }
  const headers = Object.entries(res_headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return comparable(path, { status, headers: Object.fromEntries(headers), body: res_body });
}

/**
 * All of a body, except that snapshots and timestamps the server makes have times, signatures and hashes of their own, and the
 * changefeed counts what this server has seen. (PostgreSQL pads a missing checksum with blanks.)
 */
function comparableBody(path: string, body: string): Json {
  const generated = /\/(?:\d+\.)?(snapshot|timestamp)(?:\.[0-9a-f]{64})?\.json$/.exec(path)?.[1];
  if (generated !== undefined && body.startsWith('{"signed"')) {
    const { signed, signatures } = parseMembers(body);
    const { _type: type = null, version = null, meta, ...rest } = asMembers(signed);
    return {
      type,
      version,
      members: Object.keys(rest),
      meta: generated === "snapshot" ? asMembers(meta) : Object.keys(asMembers(meta)),
      signedBy: asList(signatures).map((entry) => asMembers(entry)["keyid"] ?? null),
    };
  }
  if (/\/_trust\/changefeed\?/.test(path) && body.startsWith('{"count"')) {
    const { count = null, records } = parseMembers(body);
    return {
      count,
      records: asList(records).map((record) => {
        const { ID: id, SHA256: sha256, CreatedAt: at, ...rest } = asMembers(record);
        return { ...rest, ID: typeof id, sha256: asText(sha256).trim().length, CreatedAt: typeof at };
      }),
    };
  }
  return body;
}
