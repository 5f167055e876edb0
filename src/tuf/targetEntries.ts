import { EncodedDigests } from "./encodedDigests.ts";
import { TufError } from "./errors.ts";
import { fileMetaFromJson, type FileMeta } from "./hash.ts";
import { emptyJsonObject, type JsonValue } from "./json.ts";
import type { MemberSink } from "./jsonParser.ts";

/**
 * An entry as nearly all programs write it, in canonical form: digests in base64 without stray bits (notary writes both, Docker
 * the first alone), and a length that is a safe integer. One look at it costs a quarter of parsing it.
 */
const usualEntry =
  /\{"hashes":\{"sha256":"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="(?:,"sha512":"[A-Za-z0-9+/]{85}[AQgw]==")?\},"length":(?:0|[1-9][0-9]{0,14})\}/y;
const usualLevels = 2;
const sha256Length = 44;
const sha512Length = 88;
const sha256At = '{"hashes":{"sha256":"'.length;
const sha512At = sha256At + sha256Length + '","sha512":"'.length;
const beforeLength = '},"length":'.length;

const comma = 0x2c;

/**
 * The entries of a targets file, read one by one: as JSON first, all of them would take twice the time and memory. A fault in one
 * waits until somebody asks for them, because signatures are judged before structure.
 */
export class TargetEntries implements MemberSink {
  readonly member = "targets";
  readonly valuesTaken = 5;
  readonly #entries = new Map<string, FileMeta | undefined>();
  #fault: TufError | undefined;

  take(name: string, text: string, at: number, levels: number): number | undefined {
    usualEntry.lastIndex = at;
    if (levels < usualLevels || !usualEntry.test(text)) {
      return undefined;
    }
    const end = usualEntry.lastIndex;
    const digests = emptyJsonObject();
    let digestsEnd = at + sha256At + sha256Length;
    digests["sha256"] = text.slice(at + sha256At, digestsEnd);
    if (text.charCodeAt(digestsEnd + 1) === comma) {
      digestsEnd = at + sha512At + sha512Length;
      digests["sha512"] = text.slice(at + sha512At, digestsEnd);
    }
    const length = Number(text.slice(digestsEnd + 1 + beforeLength, end - 1));
    this.#entries.set(name, { length, hashes: new EncodedDigests(digests) });
    return end;
  }

  add(name: string, value: JsonValue): void {
    this.#entries.set(name, this.#read(value, name));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** @throws TufError TUF_MALFORMED, the fault of the first entry that has one */
  all(): ReadonlyMap<string, FileMeta> {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
    return this.#entries as ReadonlyMap<string, FileMeta>; // Without a fault each of them was read.
  }

  #read(value: JsonValue, name: string): FileMeta | undefined {
    try {
      return fileMetaFromJson(value, name);
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
      this.#fault ??= error;
      return undefined;
    }
  }
}
