import { printableName } from "../transport/printable.ts";

export interface TableLayout {
  /** Least width of a column, padding included. */
  readonly minimumWidth: number;
  /** Blanks after the longest cell of a column. */
  readonly padding: number;
}

/** `notary list`, `status`, `delegation list`, `key list`. */
export const notaryLayout: TableLayout = { minimumWidth: 4, padding: 4 };

/**
 * Rows as text, columns aligned with blanks as Go's tabwriter does for rows with the same number of cells: the last
 * cell of a row is not padded, widths are counted in characters. Names from a server cannot break out of their cells.
 */
export function formatTable(cells: readonly (readonly string[])[], layout: TableLayout): string {
  const rows = cells.map((row) => row.map(printableName));
  const widths: number[] = [];
  for (const row of rows) {
    for (let column = 0; column < row.length - 1; column += 1) {
      const width = codePoints(row[column] ?? "") + layout.padding;
      widths[column] = Math.max(widths[column] ?? layout.minimumWidth, width);
    }
  }
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => (column < row.length - 1 ? pad(cell, widths[column] ?? 0) : cell)).join("")}\n`,
    )
    .join("");
}

function pad(cell: string, width: number): string {
  return cell.padEnd(width + cell.length - codePoints(cell));
}

/** Counts one by one only where a surrogate pair makes a difference: a table may have 100,000 rows. */
function codePoints(text: string): number {
  return /[\ud800-\udfff]/.test(text) ? Array.from(text).length : text.length;
}
