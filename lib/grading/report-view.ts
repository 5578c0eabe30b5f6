/** How a report looks: HTML that reads in light and dark notebooks, and plain text for terminals. */

import type { MimeBundle } from "../display.js";
import { escapeHtml } from "../html.js";
import type { ExerciseReport, Report, TestReport, TestState } from "./report.js";

/** What a notebook or terminal shows of a report. */
export function reportBundle(report: Report): MimeBundle {
  return { "text/html": reportHtml(report), "text/plain": reportText(report) };
}

type Mark = TestState | "could not be graded";

/** Sign and word, so that nothing hangs on colour; the hues keep their contrast on white and on black. */
const looks: Readonly<Record<Mark, { readonly sign: string; readonly word: string; readonly hue: string }>> =
  {
    passed: { sign: "✔", word: "passed", hue: "#2a8f4f" },
    failed: { sign: "✘", word: "failed", hue: "#d64545" },
    error: { sign: "⚠", word: "stopped", hue: "#c26a00" },
    todo: { sign: "○", word: "to do", hue: "#7d7d7d" },
    "could not be graded": { sign: "⚠", word: "could not be graded", hue: "#c26a00" },
  };

export function reportHtml(report: Report): string {
  const { slug, state, message, file, seed } = report;
  const source =
    file === undefined
      ? "your answers"
      : `<a style="color:inherit;text-decoration:underline" href="../${escapeHtml(file)}">${escapeHtml(file)}</a>`;
  const body = state === "graded" ? report.exercises.map(exerciseHtml).join("") : code(message);
  const head = state === "graded" ? pointsOf(report.score, report.maxScore) : mark(state);
  return (
    `<div style="max-width:54em;border-left:3px solid #8886;padding:0 0 0 .9em;line-height:1.45">` +
    `<div style="font-size:1.1em"><b>${escapeHtml(slug)}</b> · ${head}</div>${body}` +
    `<div style="opacity:.7;font-size:.9em;margin-top:.6em">${source} · seed ${escapeHtml(seed)}</div></div>`
  );
}

function exerciseHtml(exercise: ExerciseReport): string {
  const { title, name, tests, points, maxPoints } = exercise;
  const shared = sharedMessage(exercise);
  const heading =
    `<div style="margin-top:.6em"><b>${escapeHtml(title)}</b> <code>${escapeHtml(name)}</code> · ` +
    `${pointsOf(points, maxPoints)}</div>`;
  if (isTodo(exercise)) return `${heading}<div>${mark("todo")} ${escapeHtml(tests[0]!.message)}</div>`;
  const rows = tests.map((test) => testHtml(test, shared === undefined)).join("");
  const note = shared === undefined ? "" : code(shared);
  return heading + rows + note + hintHtml(exerciseHint(exercise));
}

function testHtml(test: TestReport, withDetails: boolean): string {
  const { sentence, state, points, maxPoints, message, hint } = test;
  const row = `<div>${mark(state)} ${escapeHtml(sentence)} <span style="opacity:.7">(${points} of ${maxPoints})</span></div>`;
  if (state === "passed" || !withDetails) return row;
  const details = [code(message), ...comparison(test).map(code), hintHtml(hint)];
  return `${row}<div style="margin-left:1.6em">${details.join("")}</div>`;
}

function mark(of: Mark): string {
  const { sign, word, hue } = looks[of];
  return `<span style="color:${hue};font-weight:600;white-space:nowrap">${sign} ${word}</span>`;
}

function code(text: string): string {
  const style = "margin:.15em 0;padding:0;background:none;color:inherit;font-size:.92em;white-space:pre-wrap";
  return `<pre style="${style}">${escapeHtml(text)}</pre>`;
}

function hintHtml(hint: string | undefined): string {
  return hint === undefined
    ? ""
    : `<div style="margin:.15em 0"><b>Hint:</b> ${withCode(escapeHtml(hint))}</div>`;
}

/** `name` → name in a code face. */
function withCode(html: string): string {
  return html.replace(/`([^`]+)`/g, "<code>$1</code>");
}

export function reportText(report: Report): string {
  const { slug, state, message, file, seed } = report;
  const head = state === "graded" ? pointsOf(report.score, report.maxScore) : state;
  const body = state === "graded" ? report.exercises.flatMap(exerciseLines) : indented(message, 2);
  return [`${slug}: ${head} (${file ?? "your answers"}, seed ${seed})`, ...body].join("\n");
}

function exerciseLines(exercise: ExerciseReport): string[] {
  const { title, name, points, maxPoints, tests } = exercise;
  const shared = sharedMessage(exercise);
  const heading = `  ${title} (${name}): ${pointsOf(points, maxPoints)}`;
  if (isTodo(exercise)) return [heading, `    ${looks.todo.sign} to do: ${tests[0]!.message}`];
  const hint = exerciseHint(exercise);
  return [
    heading,
    ...tests.flatMap((test) => testLines(test, shared === undefined)),
    ...(shared === undefined ? [] : indented(shared, 6)),
    ...(hint === undefined ? [] : [`    hint: ${hint}`]),
  ];
}

function testLines(test: TestReport, withDetails: boolean): string[] {
  const { sentence, state, points, maxPoints, message, hint } = test;
  const { sign, word } = looks[state];
  const row = `    ${sign} ${word}: ${sentence} (${points} of ${maxPoints})`;
  if (state === "passed" || !withDetails) return [row];
  return [
    row,
    ...indented(message, 6),
    ...comparison(test).flatMap((text) => indented(text, 6)),
    ...(hint === undefined ? [] : [`      hint: ${hint}`]),
  ];
}

/** The values that were compared, unless the message holds both of them already. */
function comparison({ message, expected, got }: TestReport): string[] {
  if (expected === undefined || got === undefined) return [];
  if (message.includes(expected) && message.includes(got)) return [];
  return [`expected  ${expected}\ngot       ${got}`];
}

function indented(text: string, by: number): string[] {
  return text.split("\n").map((line) => " ".repeat(by) + line);
}

function pointsOf(points: number, maxPoints: number): string {
  return `${points} of ${maxPoints} ${maxPoints === 1 ? "point" : "points"}`;
}

function isTodo({ tests }: ExerciseReport): boolean {
  return tests.every(({ state }) => state === "todo");
}

/** What every test of the exercise complains about alike: said once instead of under each of them. */
function sharedMessage({ tests }: ExerciseReport): string | undefined {
  const [first, ...rest] = tests;
  if (first === undefined || first.state === "passed") return undefined;
  if (rest.length === 0 && first.state !== "todo") return undefined;
  return rest.every(({ message }) => message === first.message) ? first.message : undefined;
}

/** Its hint helps who has answered something wrong. */
function exerciseHint({ hint, tests }: ExerciseReport): string | undefined {
  return tests.some(({ state }) => state === "failed" || state === "error") ? hint : undefined;
}
