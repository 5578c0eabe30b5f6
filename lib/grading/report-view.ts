/** How a report looks: HTML for notebooks, and plain text for terminals. */

import type { MimeBundle } from "../display.js";
import { escapeHtml } from "../html.js";
import {
  codeHtml,
  fileHtml,
  frame,
  headingHtml,
  type Look,
  markHtml,
  noteHtml,
  withCode,
} from "./html-view.js";
import type { ExerciseReport, Report, TestReport, TestState } from "./report.js";
import { Todo } from "./todo.js";

/** What a notebook or terminal shows of a report. */
export function reportBundle(report: Report): MimeBundle {
  return { "text/html": reportHtml(report), "text/plain": reportText(report) };
}

const looks: Readonly<Record<TestState | Report["state"], Look>> = {
  passed: { sign: "✔", word: "passed", hue: "#2a8f4f" },
  failed: { sign: "✘", word: "failed", hue: "#d64545" },
  error: { sign: "⚠", word: "stopped", hue: "#c26a00" },
  todo: { sign: "○", word: "to do", hue: "#7d7d7d" },
  skipped: { sign: "◌", word: "skipped", hue: "#7d7d7d" },
  graded: { sign: "✔", word: "everything passed", hue: "#2a8f4f" },
  "could not be graded": { sign: "⚠", word: "could not be graded", hue: "#c26a00" },
};

const NO_ZERO = "Nothing was judged: this is no zero.";

export function reportHtml(report: Report): string {
  const { slug, state, message, notes = [] } = report;
  const isGraded = state === "graded";
  const head = isGraded ? pointsOf(report.score, report.maxScore) : markHtml(looks[state]);
  const praise = isComplete(report) ? ` · ${markHtml(looks.graded)}` : "";
  const body = isGraded ? report.exercises.map(exerciseHtml).join("") : codeHtml(message) + noteHtml(NO_ZERO);
  return frame(
    `<b>${escapeHtml(slug)}</b> · ${head}${praise}`,
    notes.map(noteHtml).join("") + body,
    source(report, fileHtml, escapeHtml),
  );
}

/** One exercise: its tests, what went wrong, and hints. */
export function exerciseHtml(exercise: ExerciseReport): string {
  const { title, name, tests, points, maxPoints, note } = exercise;
  const score = pointsOf(points, maxPoints);
  if (isTodo(exercise)) {
    return (
      headingHtml(title, name, `${score} · ${markHtml(looks.todo)}`) +
      foreignTodo(exercise).map(codeHtml).join("")
    );
  }
  const shared = sharedMessage(exercise);
  const rows = tests.map((test) => testHtml(test, shared === undefined)).join("");
  const message = shared === undefined ? "" : codeHtml(shared);
  const said =
    note === undefined ? "" : `<div style="opacity:.8;font-style:italic">${escapeHtml(note)}</div>`;
  return headingHtml(title, name, score) + rows + message + hintHtml(exerciseHint(exercise)) + said;
}

function testHtml(test: TestReport, withDetails: boolean): string {
  const { sentence, state, message, hint } = test;
  const row = `<div>${markHtml(looks[state])} ${escapeHtml(sentence)} <span style="opacity:.7">(${worth(test)})</span></div>`;
  if (message === "" || !withDetails) return row;
  const details = [codeHtml(message), ...comparison(test).map(codeHtml), hintHtml(hint)];
  return `${row}<div style="margin-left:1.6em">${details.join("")}</div>`;
}

function hintHtml(hint: string | undefined): string {
  return hint === undefined
    ? ""
    : `<div style="margin:.15em 0"><b>Hint:</b> ${withCode(escapeHtml(hint))}</div>`;
}

export function reportText(report: Report): string {
  const { slug, state, message, notes = [] } = report;
  const head = state === "graded" ? pointsOf(report.score, report.maxScore) : state;
  const praise = isComplete(report) ? ", everything passed" : "";
  const body =
    state === "graded" ? report.exercises.flatMap(exerciseLines) : indented(`${message}\n${NO_ZERO}`, 2);
  const plain = (text: string) => text;
  return [
    `${slug}: ${head}${praise} (${source(report, plain, plain, ", ")})`,
    ...notes.flatMap((note) => indented(note, 2)),
    ...body,
  ].join("\n");
}

function exerciseLines(exercise: ExerciseReport): string[] {
  const { title, name, points, maxPoints, tests, note } = exercise;
  const heading = `  ${title} (${name}): ${pointsOf(points, maxPoints)}`;
  if (isTodo(exercise)) {
    const { sign, word } = looks.todo;
    return [
      `${heading}, ${sign} ${word}`,
      ...foreignTodo(exercise).flatMap((message) => indented(message, 6)),
    ];
  }
  const shared = sharedMessage(exercise);
  const hint = exerciseHint(exercise);
  return [
    heading,
    ...tests.flatMap((test) => testLines(test, shared === undefined)),
    ...(shared === undefined ? [] : indented(shared, 6)),
    ...(hint === undefined ? [] : [`    hint: ${hint}`]),
    ...(note === undefined ? [] : [`    ${note}`]),
  ];
}

function testLines(test: TestReport, withDetails: boolean): string[] {
  const { sentence, state, message, hint } = test;
  const { sign, word } = looks[state];
  const row = `    ${sign} ${word}: ${sentence} (${worth(test)})`;
  if (message === "" || !withDetails) return [row];
  return [
    row,
    ...indented(message, 6),
    ...comparison(test).flatMap((text) => indented(text, 6)),
    ...(hint === undefined ? [] : [`      hint: ${hint}`]),
  ];
}

/** Which answers these are, and the seed where the reader may know it. */
function source(
  { file, seed }: Report,
  link: (file: string) => string,
  escaped: (text: string) => string,
  separator = " · ",
): string {
  const answers = file === undefined ? "your answers" : link(file);
  return [answers, ...(seed === "" ? [] : [`seed ${escaped(seed)}`])].join(separator);
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

/** "2 of 3"; a skipped test is not worth nothing. */
function worth({ points, maxPoints, skippedPoints }: TestReport): string {
  return skippedPoints === undefined ? `${points} of ${maxPoints}` : `${skippedPoints}, not counted`;
}

function isComplete({ state, score, maxScore, exercises }: Report): boolean {
  const isSkipped = exercises.some(({ tests }) => tests.some((test) => test.state === "skipped"));
  return state === "graded" && score === maxScore && !isSkipped;
}

function isTodo({ tests }: ExerciseReport): boolean {
  return tests.every(({ state }) => state === "todo");
}

/** That another exercise has to be answered first; of an exercise that waits for itself the mark says it all. */
function foreignTodo({ name, tests }: ExerciseReport): string[] {
  const messages = new Set(tests.map(({ message }) => message));
  return [...messages].filter((message) => message !== "" && message !== new Todo(name).message);
}

/** What every test of the exercise complains about alike: said once instead of under each of them. */
function sharedMessage({ tests }: ExerciseReport): string | undefined {
  // A test that is hidden from the reader complains about nothing.
  const [first, ...rest] = tests.filter(({ hidden, message }) => hidden !== true || message !== "");
  if (first === undefined || first.state === "passed") return undefined;
  if (rest.length === 0 && first.state !== "todo") return undefined;
  return rest.every(({ message }) => message === first.message) ? first.message : undefined;
}

/** Its hint helps who has answered something wrong. */
function exerciseHint({ hint, tests }: ExerciseReport): string | undefined {
  return tests.some(({ state }) => state === "failed" || state === "error") ? hint : undefined;
}
