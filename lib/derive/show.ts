/** What a derivation looks like: an HTML table that JupyterLab typesets with MathJax, and plain text. */

import type { Relation, StepResult } from "../derive.js";
import type { MimeBundle } from "../display.js";

interface Shown {
  readonly title: string;
  readonly symbols: Readonly<Record<string, string>>;
  readonly draws: number;
  readonly steps: readonly StepResult[];
}

const relationTex: Readonly<Record<Relation, string>> = {
  "=": "=",
  "≈": "\\approx",
  "≤": "\\le",
  "→": "\\to",
};

/** The bundle for `display`: HTML rather than Markdown, whose tables break at the bars in |x|. */
export function showDerivation(shown: Shown): MimeBundle {
  return { "text/html": html(shown), "text/plain": text(shown) };
}

// A red that reads on a light and on a dark page; the word "wrong" says it again.
const RED = "color: #d32f2f";

function html({ title, symbols, draws, steps }: Shown): string {
  const legend = Object.entries(symbols).map(([tex, meaning]) => `${math(tex)} ${escaped(meaning)}`);
  const cell = (content: string, style = "") => `<td style="text-align: left; ${style}">${content}</td>`;
  const rows = steps.map((step, i) => {
    const formula = i === 0 ? step.tex : `{}${relationTex[step.relation]} ${step.tex}`;
    const cells =
      cell(math(`\\displaystyle ${formula}`)) + cell(escaped(step.because)) + cell(escaped(verdict(step)));
    return `<tr${step.ok ? "" : ` style="${RED}"`}>${cells}</tr>`;
  });
  return [
    `<p><strong>${escaped(title)}</strong> (checked on ${draws} random draws)</p>`,
    ...(legend.length === 0 ? [] : [`<p>${legend.join("; ")}</p>`]),
    `<table><thead><tr>${["line", "because", "largest error"].map((head) => `<th style="text-align: left">${head}</th>`).join("")}</tr></thead>`,
    `<tbody>${rows.join("")}</tbody></table>`,
  ].join("\n");
}

function text({ title, symbols, draws, steps }: Shown): string {
  const legend = Object.entries(symbols).map(([tex, meaning]) => `  where ${tex}: ${meaning}`);
  const lines = steps.map((step, i) => {
    const relation = i === 0 ? " " : step.relation;
    const checked = verdict(step);
    return `  ${relation} ${step.tex}    (${step.because})${checked === "" ? "" : `  ${checked}`}`;
  });
  return [`${title} (checked on ${draws} random draws)`, ...legend, ...lines].join("\n");
}

/** Error and tolerance of a line, and what went wrong where it did; nothing for the first line. */
function verdict({ error, tolerance, ok, found }: StepResult): string {
  if (error === undefined) return "";
  if (!ok) return `wrong: ${found}; error ${brief(error)}, allowed ${brief(tolerance)}`;
  return `${brief(error)} (allowed ${brief(tolerance)})`;
}

/** Two digits are enough to judge an error by. */
function brief(value: number): string {
  return String(Number(value.toPrecision(2)));
}

function math(tex: string): string {
  return `$${escaped(tex)}$`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
