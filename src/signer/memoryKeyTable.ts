import { SignerError } from "./errors.ts";
import type { KeyRow, KeyTable, NewKeyRow } from "./keyTable.ts";

interface MemoryRow extends KeyRow {
  readonly deleted: boolean;
}

/** A key table that is gone when the process ends, for tests and for trust servers that keep nothing. */
export class MemoryKeyTable implements KeyTable {
  readonly #rows = new Map<string, MemoryRow>();

  async insert(row: NewKeyRow): Promise<void> {
    if (this.#rows.has(row.keyId)) {
      throw new SignerError("SIGNER_TABLE", `a key with ID ${row.keyId} is already stored`);
    }
    this.#rows.set(row.keyId, { ...row, lastUsed: undefined, deleted: false });
  }

  async find(keyId: string): Promise<KeyRow | undefined> {
    return this.#present(keyId);
  }

  async findPending(gun: string, role: string, algorithm: string): Promise<KeyRow | undefined> {
    const pending = [...this.#rows.values()].filter(
      (row) =>
        !row.deleted &&
        row.lastUsed === undefined &&
        row.gun === gun &&
        row.role === role &&
        row.algorithm === algorithm,
    );
    return pending.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1))[0];
  }

  async markUsed(keyId: string, at: Date): Promise<boolean> {
    return this.#change(keyId, { lastUsed: at });
  }

  async markDeleted(keyId: string, _at: Date): Promise<boolean> {
    return this.#change(keyId, { deleted: true });
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #present(keyId: string): MemoryRow | undefined {
    const row = this.#rows.get(keyId);
    return row === undefined || row.deleted ? undefined : row;
  }

  #change(keyId: string, change: Partial<MemoryRow>): boolean {
    const row = this.#present(keyId);
    if (row === undefined) {
      return false;
    }
    this.#rows.set(keyId, { ...row, ...change });
    return true;
  }
}
