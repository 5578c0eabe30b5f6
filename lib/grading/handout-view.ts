/** How a check looks in a hand-out: what can be told, what cannot, and how to hand in. */

import type { MimeBundle } from "../display.js";
import { escapeHtml } from "../html.js";
import type { HandoutCheck, HandoutExercise } from "./handout-check.js";
import { codeHtml, fileHtml, frame, headingHtml, type Look, markHtml, noteHtml } from "./html-view.js";

const looks: Readonly<Record<HandoutExercise["state"] | "types" | "problem", Look>> = {
  answered: { sign: "●", word: "answered", hue: "#2b78c5" },
  "to do": { sign: "○", word: "to do", hue: "#7d7d7d" },
  missing: { sign: "⚠", word: "missing: nothing of that name is exported", hue: "#c26a00" },
  types: { sign: "⚠", word: "its types do not fit", hue: "#c26a00" },
  problem: { sign: "⚠", word: "could not be graded like this", hue: "#c26a00" },
};

const INSTRUCTOR =
  "The graded tests are with your instructor: whether an answer is right cannot be told here, only that it compiles.";

export function handoutBundle(report: HandoutCheck): MimeBundle {
  return { "text/html": handoutHtml(report), "text/plain": handoutText(report) };
}

function handoutHtml(report: HandoutCheck): string {
  const { slug, file, problem, exercises } = report;
  const rows = exercises.map(
    ({ name, title, points, ...exercise }) =>
      headingHtml(title, name, `${markHtml(lookOf(exercise))} · ${pointsOf(points)}`) +
      exercise.problems.map(codeHtml).join(""),
  );
  const trouble = problem === undefined ? "" : `<div>${markHtml(looks.problem)}</div>${codeHtml(problem)}`;
  return frame(
    `<b>${escapeHtml(slug)}</b> · ${summary(report)}`,
    noteHtml(INSTRUCTOR) + trouble + rows.join(""),
    file === undefined ? handIn(report) : handIn(report).replace(file, fileHtml(file)),
  );
}

function handoutText(report: HandoutCheck): string {
  const { slug, problem, exercises } = report;
  const indented = (text: string) => text.split("\n").map((line) => `      ${line}`);
  const rows = exercises.flatMap(({ name, title, points, ...exercise }) => {
    const { sign, word } = lookOf(exercise);
    return [
      `  ${sign} ${title} (${name}): ${word}, ${pointsOf(points)}`,
      ...exercise.problems.flatMap(indented),
    ];
  });
  const trouble =
    problem === undefined ? [] : [`  ${looks.problem.sign} ${looks.problem.word}`, ...indented(problem)];
  return [`${slug}: ${summary(report)}`, `  ${INSTRUCTOR}`, ...trouble, ...rows, `  ${handIn(report)}`].join(
    "\n",
  );
}

function lookOf({ state, problems }: Pick<HandoutExercise, "state" | "problems">): Look {
  return problems.length > 0 ? looks.types : looks[state];
}

function summary({ exercises }: HandoutCheck): string {
  const answered = exercises.filter(({ state }) => state === "answered").length;
  return `${answered} of ${exercises.length} answered`;
}

function handIn({ file }: HandoutCheck): string {
  if (file === undefined)
    return "Answers in a cell are yours to try out; hand in those of the exercise file.";
  return `To hand in: save ${file} and send it to your instructor.`;
}

function pointsOf(points: number): string {
  return points === 1 ? "1 point" : `${points} points`;
}
