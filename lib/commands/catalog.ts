/** `workbook catalog`: the table of papers, with each one's files and whether they are there. */

import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { catalog, type Paper, paperFiles } from "../catalog.js";
import type { Command } from "../cli.js";
import { root } from "../root.js";

export const command: Command = {
  summary: "list the papers, with each one's files and whether they are there",
  usage: "workbook catalog [--json]",
  async main(args) {
    const { values } = parseArgs({ args, options: { json: { type: "boolean" } } });
    const rows = catalog.map((row) => ({ ...row, files: filesOf(row) }));
    process.stdout.write(values.json === true ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
    return 0;
  },
};

interface PaperFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly there: boolean;
}

function filesOf(row: Paper): Record<string, PaperFile> {
  return Object.fromEntries(
    Object.entries(paperFiles(row)).map(([kind, file]) => [
      kind,
      { path: file, there: existsSync(path.join(root, file)) },
    ]),
  );
}

function table(rows: readonly (Paper & { readonly files: Record<string, PaperFile> })[]): string {
  const kinds = Object.keys(rows[0]?.files ?? {});
  const lines = [
    ["year", "slug", "arXiv", "time", "memory", ...kinds, "title"],
    ...rows.map(({ year, slug, arXiv, time, memory, files, title }) => [
      String(year),
      slug,
      arXiv,
      time,
      memory,
      ...kinds.map((kind) => (files[kind]?.there ? "✓" : "missing")),
      title,
    ]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const format = (line: readonly string[]) =>
    line
      .map((text, column) => text.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return `${lines.map(format).join("\n")}\n`;
}
