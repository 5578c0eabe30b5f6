/** The table of contents: every paper of the catalog, by family, with a link where its lesson is there. */

import { existsSync } from "node:fs";
import path from "node:path";
import { catalog, type Paper, paperFiles } from "../catalog.js";
import { display } from "../display.js";
import { root } from "../root.js";

/** Shows the contents; links are relative to `notebooks/`. */
export function showContents(): void {
  const markdown = contentsMarkdown(catalog, (file) => existsSync(path.join(root, file)));
  display({ "text/markdown": markdown, "text/plain": markdown });
}

export function contentsMarkdown(papers: readonly Paper[], exists: (file: string) => boolean): string {
  const families = [...new Set(papers.map(({ family }) => family))];
  const blocks = families.map((family) => {
    const rows = papers
      .filter((row) => row.family === family)
      .sort((a, b) => a.year - b.year)
      .map((row) => {
        const { notebook } = paperFiles(row);
        const title = exists(notebook)
          ? `[${row.title}](${path.basename(notebook)})`
          : `${row.title} (no lesson yet)`;
        return `| ${row.year} | ${title} | ${row.authors} | ${row.time} | ${row.memory} |`;
      });
    return [
      `**${family}**`,
      "",
      "| year | lesson | authors | time | memory |",
      "|:--|:--|:--|:--|:--|",
      ...rows,
    ].join("\n");
  });
  return blocks.join("\n\n");
}
