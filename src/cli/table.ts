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
 * cell of a row is not padded, widths are counted in characters.
 */
export function formatTable(rows: readonly (readonly string[])[], layout: TableLayout): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? layout.minimumWidth, codePoints(cell) + layout.padding);
    }
  }
  return rows
    .map((row) => `${row.map((cell, column) => pad(cell, widths[column], column < row.length - 1)).join("")}\n`)
    .join("");
}

function pad(cell: string, width: number | undefined, padded: boolean): string {
  return padded ? cell + " ".repeat(Math.max(0, (width ?? 0) - codePoints(cell))) : cell;
}

function codePoints(text: string): number {
  return Array.from(text).length;
}
