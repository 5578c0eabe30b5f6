/** The README of a hand-out: what a learner needs to know, on one page. */

import type { Handout } from "./handout.js";
import { exerciseFiles } from "./lessons.js";
import { sumPoints } from "./points.js";

export function handoutReadme({ lessons }: Handout): string {
  const rows = Object.entries(lessons).map(([slug, { exercises }]) => {
    const points = sumPoints(exercises.map((exercise) => exercise.points));
    return `| \`${exerciseFiles(slug).exercise}\` | ${exercises.length} | ${points} |`;
  });
  return `# Efficient Transformers, a workbook in TypeScript

\`\`\`sh
npm start   # sets up whatever is missing (a few minutes the first time), then opens JupyterLab
\`\`\`

You need Node 20.19 or newer, Python 3.10 or newer (with venv), and a C++ compiler for the fast backend. Nothing is installed
outside of this folder. \`npx workbook doctor\` says what is there, what is missing and how to get it.

Open \`notebooks/00-start-here.ipynb\` first.

## Exercises

| file | exercises | points |
| --- | --- | --- |
${rows.join("\n")}

Replace each \`Todo\` by your answer and save. \`await check("…")\` in the lesson's notebook says whether the file compiles,
whether its types fit and what is still to do. It cannot tell whether an answer is right: the graded tests are with your
instructor. \`npx workbook reset …\` starts an exercise anew and keeps your version aside.

## Hand in

Send the files of the table, or a notebook with your functions in it. Nothing else is graded.
`;
}
