/** What is shown of a kernel that ran: HTML for notebooks, plain text for terminals. */

import { stripVTControlCharacters } from "node:util";
import { largestError, position } from "../assert-close.js";
import type { MimeBundle } from "../display.js";
import { escapeHtml } from "../html.js";
import { wordFindings, wordUnwatched } from "../kernels/playground/findings.js";
import type { Job, Ran } from "../kernels/playground/job.js";
import { formatNumber, formatSi } from "../plot/numbers.js";
import { formatShape } from "../shapes.js";
import { pictureMessages } from "./places.js";

/** Every sentence with its sign: ✔ as it should be, ⚠ wrong, · neither. */
type Line = readonly [sign: "✔" | "⚠" | "·", text: string];

const hues = { "✔": "#2a8f4f", "⚠": "#c26a00", "·": "inherit" } as const;

/** @param reference what should have come out, if somebody knows. */
export function kernelReport(
  job: Job,
  ran: Ran,
  shape: readonly number[],
  reference?: ArrayLike<number>,
): MimeBundle {
  const lines = reportLines(job, ran, shape, reference);
  const said = pictureMessages(job.wgsl, ran.messages).map(stripVTControlCharacters).join("\n");
  const html = lines.map(
    ([sign, text]) =>
      `<div><span style="color:${hues[sign]};font-weight:600">${sign}</span> ${escapeHtml(text)}</div>`,
  );
  const pre = said === "" ? "" : `<pre style="margin:.3em 0;overflow-x:auto">${escapeHtml(said)}</pre>`;
  const frame = "max-width:54em;border-left:3px solid #8886;padding:0 0 0 .9em;line-height:1.45";
  return {
    "text/html": `<div style="${frame}">${html.join("")}${pre}</div>`,
    "text/plain": [...lines.map((line) => line.join(" ")), ...(said === "" ? [] : [said])].join("\n"),
  };
}

export function reportLines(
  job: Job,
  ran: Ran,
  shape: readonly number[],
  reference?: ArrayLike<number>,
): Line[] {
  const wrong = wordFindings(ran.findings, job, shape);
  const unwatched = wordUnwatched(ran.findings, job);
  return [
    ["·", time(ran)],
    ["·", traffic(job, ran.milliseconds)],
    ...wrong.map((text): Line => ["⚠", text]),
    ...(unwatched === undefined ? [] : [["·", unwatched] as const]),
    ...(reference === undefined ? [] : [comparison(ran.output, reference, shape)]),
  ];
}

function time({ milliseconds, clock, runs, adapter }: Ran): string {
  const how =
    clock === "timestamps"
      ? "by the GPU's timestamps"
      : "by the wall clock, submitting included: this GPU has no timestamps";
  return `${formatNumber(milliseconds, { significant: 3 })} ms, median of ${runs} ${runs === 1 ? "run" : "runs"}, ${how} (${adapter})`;
}

/** What any kernel with these inputs and this output has to move; how often this one reads a number nobody counts. */
function traffic({ inputs, output }: Job, milliseconds: number): string {
  const words = (count: number) => formatSi(4 * count, "B");
  const read = inputs.reduce((sum, { length }) => sum + length, 0);
  const rate = milliseconds > 0 ? `, ${formatSi((4 * (read + output)) / (milliseconds / 1000), "B")}/s` : "";
  return `at least ${words(read)} in and ${words(output)} out${rate} if each number moves once`;
}

function comparison(output: Float32Array, reference: ArrayLike<number>, shape: readonly number[]): Line {
  const { error, index } = largestError(output, reference);
  if (error === 0) return ["✔", "every number equals the reference"];
  const at = formatShape(position(index, shape));
  const values = `expected ${formatNumber(reference[index]!)}, got ${formatNumber(output[index]!)}`;
  return [
    "·",
    `largest error ${formatNumber(error, { significant: 3 })}, relative to max(1, |reference|), at ${at}: ${values}`,
  ];
}
