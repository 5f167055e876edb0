import { TufError } from "./errors.ts";
import { fileMetaFromJson, type FileMeta } from "./hash.ts";
import type { JsonValue, MemberSink } from "./json.ts";

/**
 * The entries of a targets file, read one by one: as JSON first, all of them would take twice the time and memory. A fault in one
 * waits until somebody asks for them, because signatures are judged before structure.
 */
export class TargetEntries implements MemberSink {
  readonly member = "targets";
  readonly #entries = new Map<string, FileMeta | undefined>();
  #fault: TufError | undefined;

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
