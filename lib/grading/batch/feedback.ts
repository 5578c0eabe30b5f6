/**
 * The feedback page of one student: one file that loads nothing and runs no script. What the submission printed is not
 * in it: it may have printed the inputs of hidden tests.
 */

import { catalog } from "../../catalog.js";
import { escapeHtml } from "../../html.js";
import type { ExerciseReport, Report } from "../report.js";
import { exerciseHtml } from "../report-view.js";
import { studentReport } from "../student-report.js";
import { feedbackStyle } from "./feedback-style.js";
import { type Outcome, statusOf } from "./outcome.js";

/** @param outcomes of one student, a row for each lesson. @param name how the page calls the student. */
export function feedbackPage(name: string, outcomes: readonly Outcome[]): string {
  const shown = outcomes.map((outcome) => ({ ...outcome, report: studentReport(outcome.report) }));
  const hasHidden = outcomes.some(({ report }) =>
    report.exercises.some(({ tests }) => tests.some(({ hidden }) => hidden === true)),
  );
  const footer = hasHidden
    ? "Hidden tests count like the others; only their points are shown."
    : "Every test that counted is on this page.";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Feedback: ${escapeHtml(name)}</title>
<style>${feedbackStyle}</style>
</head>
<body>
<main>
<h1>${escapeHtml(name)}</h1>
${shown.map((outcome, i) => section(outcome, `l${i + 1}`)).join("\n")}
<footer class="quiet">${shown.some((outcome) => statusOf(outcome) === "graded") ? footer : ""}</footer>
</main>
</body>
</html>
`;
}

function section(outcome: Outcome, id: string): string {
  const { slug, report } = outcome;
  const row = catalog.find((paper) => paper.slug === slug);
  const title = slug === "" ? "Submission" : (row?.title ?? slug);
  const file = report.file === undefined ? "" : `<code>${escapeHtml(report.file)}</code>`;
  const paper = `<p class="paper quiet">${[row === undefined ? "" : escapeHtml(`${slug}, ${row.year}`), file]
    .filter((part) => part !== "")
    .join(" · ")}</p>`;
  const body = statusOf(outcome) === "graded" ? graded(report, id) : notGraded(outcome);
  return `<section>\n<h2>${escapeHtml(title)}</h2>\n${paper}\n${notes(report)}${body}</section>`;
}

function graded(report: Report, id: string): string {
  const { score, maxScore, exercises } = report;
  const rows = exercises.map((exercise, i) => overviewRow(exercise, `${id}-${i + 1}`));
  const cards = exercises.map(
    (exercise, i) => `<div class="card" id="${id}-${i + 1}">${exerciseHtml(exercise)}</div>`,
  );
  return `<p class="total"><b>${score}</b> of ${maxScore} points</p>
${bar(score, maxScore)}
<table>${rows.join("\n")}</table>
${cards.join("\n")}
`;
}

function overviewRow({ title, points, maxPoints }: ExerciseReport, anchor: string): string {
  return (
    `<tr><td><a href="#${anchor}">${escapeHtml(title)}</a></td>` +
    `<td class="points">${points} of ${maxPoints}</td><td class="share">${bar(points, maxPoints)}</td></tr>`
  );
}

function bar(points: number, most: number): string {
  const percent = most === 0 ? 0 : Math.round((100 * points) / most);
  const look = points === most ? "bar" : "bar some";
  return `<span class="${look}" role="img" aria-label="${percent} %"><i style="width:${percent}%"></i></span>`;
}

function notGraded(outcome: Outcome): string {
  const { report, reason } = outcome;
  const isMissing = statusOf(outcome) === "missing";
  const heading = isMissing ? "Nothing was handed in" : "This could not be graded";
  const why = isMissing
    ? ""
    : `<p>Reason: ${escapeHtml(reason)}. This is not a grade of zero: no test has run.</p>`;
  const message =
    report.message === "" ? "" : `<pre style="white-space:pre-wrap">${escapeHtml(report.message)}</pre>`;
  return `<div class="card warning"><h3>${heading}</h3>${why}${message}</div>\n`;
}

function notes({ notes = [] }: Report): string {
  if (notes.length === 0) return "";
  return `<div class="notes">${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join("")}</div>\n`;
}
