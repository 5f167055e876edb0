import assert from "node:assert/strict";
import type { Exchange } from "../../bench/support/load.ts";
import { Publisher, someTargets } from "../../bench/support/publisher.ts";
import { changefeedQuery, decodeChangefeed } from "../../src/notary/changefeed.ts";
import { changefeedPath, metadataPath } from "../../src/notary/paths.ts";
import { decodeUpload } from "../../src/notary/upload.ts";
import { digest } from "../../src/tuf/crypto.ts";
import { encodeHex } from "../../src/tuf/encoding.ts";
import { TrustState } from "../../src/tuf/index.ts";
import type { FileMeta, Floor } from "../../src/tuf/index.ts";

interface Publication {
  readonly version: number;
  /** The uploaded files by role. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly exchange: Exchange;
}

/** A collection on a trust server that is killed again and again: what was published in it, and whether all of that is there. */
export class KilledCollection {
  readonly gun: string;
  /** How often the server was killed between storing an upload and answering it. */
  storedUnanswered = 0;
  #publisher: Publisher | undefined;
  readonly #acknowledged: Publication[] = [];
  /** The upload whose answer is missing. */
  #unanswered: Publication | undefined;
  /** The version of targets that the last check found. */
  #found = 0;
  #checked = 0;
  #lastChange = 0;
  #timestampVersion = 0;
  #floors: ReadonlyMap<string, Floor> = new Map();

  constructor(gun: string) {
    this.gun = gun;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Publishes version after version until the server is no more. What was not answered is sent again, as it was. */
  async publish(url: string, onAcknowledged: () => void): Promise<void> {
    while (await this.#publishNext(url).catch(isConnectionLost)) {
      onAcknowledged();
    }
  }

  /** @throws AssertionError unless all that was acknowledged is there, resolves and verifies, and is never older than before */
  async check(url: string): Promise<void> {
    const state = await this.#resolve(url);
    const newest = this.#acknowledged.at(-1);
    if (state === undefined) {
      assert.equal(newest, undefined, `${this.gun} is not there`);
      return;
    }
    const targets = state.targets.get("targets");
    assert.ok(targets);
    const published = [newest, this.#unanswered].find((publication) => publication?.version === targets.version);
    assert.ok(published, `targets is version ${targets.version}, ${newest?.version} was acknowledged`);
    assert.deepEqual(Buffer.from(targets.bytes), published.files.get("targets"));
    this.#found = targets.version;
    this.#floors = state.seen();
    await this.#checkChecksums(url);
    await this.#checkChanges(url, state);
  }

  /** Reads every acknowledged publication again by its checksum. */
  async checkAll(url: string): Promise<void> {
    this.#checked = 0;
    await this.#checkChecksums(url);
  }

  async #publishNext(url: string): Promise<true> {
    this.#publisher ??= await Publisher.open(url, this.gun, new Date());
    this.#unanswered ??= await nextPublication(this.#publisher, this.acknowledged + 1);
    const { version, exchange } = this.#unanswered;
    const answer = await request(url, exchange);
    if (version === this.#found) {
      assert.match(`${answer.status} ${answer.body.toString()}`, /^400 .*"code":"VERSION"/, "it is stored already");
      this.storedUnanswered++;
    } else {
      assert.equal(answer.status, 200, answer.body.toString());
    }
    this.#acknowledged.push(this.#unanswered);
    this.#unanswered = undefined;
    return true;
  }

  /** Follows timestamp to snapshot to targets as a client does, with what it has seen before. Undefined without a root. */
  async #resolve(url: string): Promise<TrustState | undefined> {
    const state = new TrustState({ gun: this.gun, now: new Date(), floors: this.#floors });
    const root = await request(url, { method: "GET", path: metadataPath(this.gun, "root") });
    if (root.status === 404) return undefined;
    state.loadFirstRoot(root.body);
    state.updateTimestamp(await this.#read(url, "timestamp"));
    state.updateSnapshot(await this.#read(url, "snapshot", state.wantedSnapshot));
    for (let wanted = state.nextRole(); wanted !== undefined; wanted = state.nextRole()) {
      assert.ok(state.updateTargets(wanted.role, await this.#read(url, wanted.role, wanted.meta)));
    }
    return state;
  }

  async #checkChecksums(url: string): Promise<void> {
    for (const { version, files } of this.#acknowledged.slice(this.#checked)) {
      for (const [role, bytes] of files) {
        const checksum = encodeHex(digest("sha256", bytes));
        const stored = await request(url, { method: "GET", path: metadataPath(this.gun, role, { checksum }) });
        assert.deepEqual(stored.body, bytes, `${role} of publication ${version}`);
      }
    }
    this.#checked = this.acknowledged;
  }

  /** One change for each timestamp, in their order, and the last of them for the current one. */
  async #checkChanges(url: string, { timestamp }: TrustState): Promise<void> {
    const path = changefeedPath(this.gun) + changefeedQuery({ changeId: this.#lastChange, records: 10_000 });
    const changes = decodeChangefeed((await request(url, { method: "GET", path })).body);
    for (const { id, gun, version, sha256 } of changes) {
      assert.deepEqual([gun, version], [this.gun, this.#timestampVersion + 1]);
      const changed = await this.#read(url, "timestamp", { checksum: sha256 });
      assert.equal(encodeHex(digest("sha256", changed)), sha256);
      this.#timestampVersion = version;
      this.#lastChange = id;
    }
    assert.equal(this.#timestampVersion, timestamp?.version);
    assert.equal(this.#timestampVersion, this.#found, "each publication made one timestamp");
  }

  async #read(url: string, role: string, which?: FileMeta | { readonly checksum: string }): Promise<Uint8Array> {
    const selector =
      which !== undefined && "hashes" in which
        ? { checksum: encodeHex(which.hashes.get("sha256") ?? new Uint8Array()) }
        : which;
    const { status, body } = await request(url, { method: "GET", path: metadataPath(this.gun, role, selector) });
    assert.equal(status, 200, `${role}: ${body.toString()}`);
    return body;
  }
}

async function nextPublication(publisher: Publisher, version: number): Promise<Publication> {
  const exchange = await publisher.upload(someTargets(1 + (version % 5)));
  const parts = decodeUpload(exchange.headers?.["Content-Type"], exchange.body ?? new Uint8Array());
  return { version, exchange, files: new Map([...parts].map(({ role, bytes }) => [role, bytes])) };
}

async function request(url: string, exchange: Exchange): Promise<{ readonly status: number; readonly body: Buffer }> {
  const { method, path, headers = {}, body } = exchange;
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body && { body: new Uint8Array(body) }) });
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}

/** False for what fetch throws when the other side is killed: before, while and after it answers. */
function isConnectionLost(error: unknown): false {
  if (error instanceof TypeError && /^(?:fetch failed|terminated)$/.test(error.message)) return false;
  throw error;
}
