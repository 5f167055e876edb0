import { SignerError } from "./errors.ts";
import type { KeyRow, KeyTable, NewKeyRow } from "./keyTable.ts";

/** A key table that is gone when the process ends, for tests and for trust servers that keep nothing. */
export class MemoryKeyTable implements KeyTable {
  readonly #rows = new Map<string, KeyRow>();
  readonly #deleted = new Set<string>();

  async insert(row: NewKeyRow): Promise<void> {
    if (this.#rows.has(row.keyId) || this.#deleted.has(row.keyId)) {
      throw new SignerError("SIGNER_TABLE", `a key with ID ${row.keyId} is already stored`);
    }
    this.#rows.set(row.keyId, { ...row, lastUsed: undefined });
  }

  async find(keyId: string): Promise<KeyRow | undefined> {
    return this.#rows.get(keyId);
  }

  async findPending(gun: string, role: string, algorithm: string): Promise<KeyRow | undefined> {
    const pending = [...this.#rows.values()].filter(
      (row) => row.lastUsed === undefined && row.gun === gun && row.role === role && row.algorithm === algorithm,
    );
    return pending.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1))[0];
  }

  async markUsed(keyId: string, at: Date): Promise<boolean> {
    const row = this.#rows.get(keyId);
    if (row === undefined) {
      return false;
    }
    this.#rows.set(keyId, { ...row, lastUsed: at });
    return true;
  }

  async markDeleted(keyId: string, _at: Date): Promise<boolean> {
    const present = this.#rows.delete(keyId);
    if (present) {
      this.#deleted.add(keyId);
    }
    return present;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}
}
