import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import { shortDiff } from "workbook/grading/difference";
import { loadGraded, solvedSlugs } from "workbook/grading/lessons";
import { ReleaseError, releaseText } from "workbook/grading/release";
import { drift, writeExercise } from "workbook/grading/release-file";
import { root } from "workbook/root";

const solution = `/** Statement. */

import * as tf from "@tensorflow/tfjs";
// BEGIN SOLUTION
import { attention } from "workbook/attention";
// END SOLUTION
import {
  random,
} from "workbook/random";

/** Double it. */
export function double(x: tf.Tensor): tf.Tensor {
  // BEGIN SOLUTION
  const two = helper();
  return tf.mul(x, two);
  // END SOLUTION
}

// BEGIN SOLUTION
function helper(): number {
  return 2;
}
// END SOLUTION

export const triple = (x: number): number => {
  // BEGIN SOLUTION
  return 3 * x;
  // END SOLUTION
};

export const width: number =
  // BEGIN SOLUTION
  64;
// END SOLUTION
`;

const exercise = `// Generated from solutions/lesson.ts by \`npx workbook release lesson\`.
// Replace each Todo by your answer and save; then run this in the lesson's notebook:
//   await check("lesson");

/** Statement. */

import * as tf from "@tensorflow/tfjs";
import { Todo, todo } from "workbook/grading/todo";
import {
  random,
} from "workbook/random";

/** Double it. */
export function double(x: tf.Tensor): tf.Tensor {
  throw new Todo("double");
}

export const triple = (x: number): number => {
  throw new Todo("triple");
};

export const width: number = todo("width");
`;

describe("releaseText", () => {
  it("leaves a Todo for each solution, and drops the imports and helpers that only the solution needs", () => {
    const released = releaseText("lesson", solution);
    expect(released.text).to.equal(exercise);
    expect(released.names).to.deep.equal(["double", "triple", "width"]);
  });

  it("imports Todo even where nothing else is imported", () => {
    const { text } = releaseText(
      "a",
      "export function f(): number {\n  // BEGIN SOLUTION\n  return 1;\n  // END SOLUTION\n}\n",
    );
    expect(text).to.match(/\n\nimport \{ Todo \} from "workbook\/grading\/todo";\n\nexport function f/);
  });

  const begin = "  // BEGIN SOLUTION\n";
  const end = "  // END SOLUTION\n";
  const f = "export function f() {\n";
  const mistakes: [what: string, text: string, message: RegExp][] = [
    [
      "nested",
      `${f}${begin}${begin}${end}${end}}`,
      /^solutions\/a\.ts:3: BEGIN SOLUTION inside the block that began at line 2$/,
    ],
    ["unclosed", `${f}${begin}}\n`, /^solutions\/a\.ts:2: BEGIN SOLUTION is never closed/],
    ["stray", `${f}${end}}`, /^solutions\/a\.ts:2: END SOLUTION without a BEGIN/],
    [
      "sharing its line",
      `${f}  return 1; // BEGIN SOLUTION\n${end}}`,
      /^solutions\/a\.ts:2: a mark stands alone/,
    ],
    ["misspelt", `${f}  // BEGIN SOLUTIONS\n${end}}`, /^solutions\/a\.ts:2: a mark stands alone/],
    [
      "without an export above it",
      `function f() {\n${begin}${end}}`,
      /^solutions\/a\.ts:2: .*no `export function`/,
    ],
    [
      "a second one in its export",
      `${f}${begin}${end}${begin}${end}}`,
      /^solutions\/a\.ts:4: f has two blocks/,
    ],
    ["missing altogether", `${f}}`, /^solutions\/a\.ts:1: there is no indented BEGIN SOLUTION/],
  ];
  for (const [what, text, message] of mistakes) {
    it(`a mark that is ${what} is an error with file and line`, () => {
      expect(() => releaseText("a", text)).to.throw(ReleaseError, message);
    });
  }
});

describe("every released exercise", () => {
  for (const slug of solvedSlugs()) {
    it(`${slug} names the modules that it withholds, and they exist`, async () => {
      const { text } = releaseText(slug, readFileSync(path.join(root, `solutions/${slug}.ts`), "utf8"));
      const { withheld = [] } = await loadGraded(slug);
      for (const module of withheld) {
        expect(text).to.include(`\`${module}\``);
        expect(existsSync(path.join(root, `${module.replace("workbook/", "lib/")}.ts`)), module).to.equal(
          true,
        );
      }
    });
  }
});

describe("writeExercise and drift", () => {
  let folder = "";
  const at = (file: string) => path.join(folder, file);

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-release-"));
    mkdirSync(at("solutions"));
    writeFileSync(at("solutions/lesson.ts"), solution);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("a missing exercise is drift, and is written; then nothing has drifted and nothing is written again", () => {
    expect(drift("lesson", folder)).to.match(
      /^exercises\/lesson\.ts is missing; `npx workbook release lesson` writes it\n$/,
    );
    expect(writeExercise("lesson", folder)).to.deep.equal({});
    expect(readFileSync(at("exercises/lesson.ts"), "utf8")).to.equal(exercise);
    expect(drift("lesson", folder)).to.equal(undefined);
    expect(writeExercise("lesson", folder)).to.equal(undefined);
  });

  it("an edited exercise is drift with a short diff, and a release keeps the edited text aside", () => {
    writeExercise("lesson", folder);
    const edited = exercise.replace('throw new Todo("double");', "return tf.add(x, x);");
    writeFileSync(at("exercises/lesson.ts"), edited);
    const [head, ...diff] = drift("lesson", folder)!.trimEnd().split("\n");
    expect(head).to.match(/^exercises\/lesson\.ts differs from what solutions\/lesson\.ts releases;/);
    expect(diff).to.deep.equal([
      "  line 15",
      "  -   return tf.add(x, x);",
      '  +   throw new Todo("double");',
    ]);
    const { aside } = writeExercise("lesson", folder)!;
    expect(readFileSync(at(aside!), "utf8")).to.equal(edited);
    expect(drift("lesson", folder)).to.equal(undefined);
  });
});

describe("shortDiff", () => {
  it("is empty for equal texts", () => {
    expect(shortDiff("a\nb", "a\nb")).to.equal("");
  });

  it("shows lines that only one text has", () => {
    expect(shortDiff("a\nc", "a\nb\nc")).to.equal("  line 2\n  + b\n");
    expect(shortDiff("a\na", "a")).to.equal("  line 2\n  - a\n");
  });

  it("cuts a long difference short", () => {
    const diff = shortDiff("1\n2\n3\n4\n5\n6\n7", "");
    expect(diff).to.match(/- 5\n {2}- … 2 more lines\n/);
  });
});
