/** The head of a lesson: which paper, what it costs, what it claims. */

import { type Paper, paper } from "../catalog.js";
import { display } from "../display.js";

/** A paper's claims with the place where each stands; numbers as the paper prints them. */
export interface Claims {
  readonly claims: readonly string[];
}

/** Shows the card of a paper. @throws for a slug that the catalog has not. */
export function showCard(slug: string, { claims }: Claims): void {
  const markdown = cardMarkdown(paper(slug), claims);
  display({ "text/markdown": markdown, "text/plain": markdown });
}

export function cardMarkdown(row: Paper, claims: readonly string[]): string {
  const rows = [
    [
      "paper",
      `*${row.title}*, ${row.authors}, ${row.year}, [arXiv:${row.arXiv}](https://arxiv.org/abs/${row.arXiv})`,
    ],
    ["family", row.family],
    ["cost in the length n", `time ${row.time}, memory ${row.memory}`],
    ["forms here", row.forms.join(", ")],
    ["claims", claims.join("<br>")],
  ];
  return ["| | |", "|:--|:--|", ...rows.map(([name, value]) => `| **${name}** | ${value} |`)].join("\n");
}
