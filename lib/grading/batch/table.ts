/** Plain text in columns, indented by two. */

/** @param right columns to align to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => {
      const cells = row.map((text, i) =>
        right.includes(i) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!),
      );
      return `  ${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
