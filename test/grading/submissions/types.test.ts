import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { exerciseFiles } from "workbook/grading/lessons";
import { lesson, lessons } from "workbook/grading/submissions/exercise";
import { isRefusal } from "workbook/grading/submissions/submission";
import type { TypeProblem } from "workbook/grading/submissions/type-problems";
import { TypeChecker } from "workbook/grading/submissions/types";
import { root } from "workbook/root";
import { accepted, answers, notebookFile } from "./material.js";

/** A conditional type that doubles a union of texts at each step. */
const manyTexts = `type Texts<T extends string, D extends unknown[]> = D["length"] extends 22 ? T
  : Texts<\`\${T}a\`, [...D, 0]> | Texts<\`\${T}b\`, [...D, 0]>;
  export const many: Texts<"", []> = 1;`;

/** A huge union of long tuples. */
const manyTuples = `type Twice<T extends unknown[], N extends unknown[]> = N["length"] extends 13 ? T
  : Twice<[...T, ...T], [...N, 0]>;
  type Each<K extends number> = K extends K ? Twice<[K], []> : never;
  export const many: Each<${Array.from({ length: 4000 }, (_, i) => i).join(" | ")}> = 1;`;

describe("the types of a submission", () => {
  let checker: TypeChecker;
  before(() => {
    checker = new TypeChecker();
  });
  after(() => checker.close());

  async function problems(text: string, slug = "start-here"): Promise<readonly TypeProblem[]> {
    const isNotebook = text.startsWith("{");
    const submission = await accepted(isNotebook ? `${slug}.ipynb` : "alice.ts", text, slug);
    const found = await checker.check(submission, lesson(slug));
    if (isRefusal(found)) throw new Error(found.message);
    return found;
  }
  const owners = async (text: string) => (await problems(text)).map(({ exercise }) => exercise ?? "the file");

  it("are right for every solution and every released exercise", async () => {
    for (const { slug, text } of lessons()) {
      const solution = readFileSync(path.join(root, exerciseFiles(slug).solution), "utf8");
      expect(await problems(text, slug), `exercises/${slug}.ts`).to.deep.equal([]);
      expect(await problems(solution, slug), `solutions/${slug}.ts`).to.deep.equal([]);
    }
    expect(await problems(answers)).to.deep.equal([]);
  });

  it("may name parameters otherwise, leave some out, and forget a tensor's rank in the result", async () => {
    const text = `import * as tf from "@tensorflow/tfjs";
      export const softmax = (rows: tf.Tensor): tf.Tensor => tf.softmax(rows);
      export const causalPairs = () => 3;
      const unused = 1;`;
    expect(await problems(text)).to.deep.equal([]);
  });

  it("cost the exercise whose declaration is wrong, with what was expected and what came", async () => {
    const found = await problems(
      answers
        .replace("(T: number): number", "(T: string): number")
        .replaceAll("(T *", "(2 *")
        .replace("T + 1", "3"),
    );
    expect(found).to.deep.equal([
      {
        exercise: "causalPairs",
        frame: [
          "TS1360: causalPairs: expected (T: number) => number, got (T: string) => number",
          "  Types of parameters 'T' and 'T' are incompatible.",
          "    Type 'number' is not assignable to type 'string'.",
          "alice.ts:7:17",
          "  5 | }",
          "  6 | ",
          "> 7 | export function causalPairs(T: string): number {",
          "    |                 ^^^^^^^^^^^",
          "  8 |   return (2 * (3)) / 2;",
        ].join("\n"),
      },
    ]);
  });

  it("are checked inside of answers, and of constants", async () => {
    const wrong = answers.replace("/ 2;", '/ "2";');
    expect(await owners(wrong)).to.deep.equal(["causalPairs"]);
    const quiz =
      'export const growthFromDoubling = "64/28";\nexport { a as flopsWithTwiceTheHeads };\nconst a = "treble";';
    const found = await problems(quiz, "transformer");
    expect(found.map(({ exercise }) => exercise)).to.deep.equal([
      "flopsWithTwiceTheHeads",
      "growthFromDoubling",
    ]);
    expect(found[1]!.frame).to.match(/^TS1360: growthFromDoubling: expected number, got (string|"64\/28")/);
    expect(found[0]!.frame)
      .to.include('expected "double" | "halve" | "stay", got "treble"')
      .and.to.include("alice.ts:3:7");
  });

  it("of a helper cost the exercises that use it, directly or not, and no other", async () => {
    const helper =
      'const half = (n: number): number => n / "2";\nconst quarter = (n: number) => half(half(n));\n';
    const using = answers.replace("(T * (T + 1)) / 2", "quarter(2 * T * (T + 1))");
    expect(await owners(helper + using)).to.deep.equal(["causalPairs"]);
    expect(await owners(helper.replaceAll("const", "export const") + using)).to.deep.equal(["causalPairs"]);
  });

  it("cost the whole file where they are in no exercise", async () => {
    expect(await owners(`const stray: number = "1";\n${answers}`)).to.deep.equal(["the file"]);
    expect(await owners(`${answers}\nnowhere();`)).to.deep.equal(["the file"]);
    expect(await owners(`import { nothing } from "workbook/random";\n${answers}`)).to.deep.equal([
      "the file",
    ]);
  });

  it("are not looked at under // @ts-nocheck", async () => {
    expect(await problems(`// @ts-nocheck\n${answers.replace("T: number", "T: string")}`)).to.deep.equal([]);
  });

  it("are shown in the cell that they are in", async () => {
    const cells = [
      "const two = 2;",
      '// half\nconst causalPairs = (T: number): number =>\n  two * "T";\n// end',
    ];
    const [problem, ...rest] = await problems(notebookFile(cells));
    expect(rest).to.deep.equal([]);
    expect(problem!.frame.split("\n").slice(1)).to.deep.equal([
      "cell [2]:3:9",
      "  1 | // half",
      "  2 | const causalPairs = (T: number): number =>",
      '> 3 |   two * "T";',
      "    |         ^^^",
      "  4 | // end",
    ]);
  });

  it("do not leak from one submission into the next", async () => {
    expect(await owners(`declare global { interface Array<T> { odd: T } }\n${answers}`)).to.deep.equal([]);
    expect(
      await owners(answers.replace("return tf.softmax(scores)", "return [scores][0]!.odd")),
    ).to.deep.equal(["softmax"]);
  });

  it("of several submissions at once are each told to whom they belong, by the types of their lesson", async () => {
    const wanted = [
      ["start-here", "causalPairs", "(T: number) => number", "ann"],
      ["transformer", "growthFromDoubling", "number", "bob"],
      ["start-here", "causalPairs", "(T: number) => number", "cid"],
      ["transformer", "growthFromDoubling", "number", "dan"],
    ] as const;
    const found = await Promise.all(
      wanted.map(([slug, name, , student]) =>
        problems(`export const ${name}: { ${student}: 1 } = { ${student}: 1 };`, slug),
      ),
    );
    expect(found.map((them) => them.map(({ frame }) => frame.split("\n")[0]))).to.deep.equal(
      wanted.map(([, name, type, student]) => [`TS1360: ${name}: expected ${type}, got { ${student}: 1; }`]),
    );
  });

  for (const [what, limits, words, hostile] of [
    ["in time", { seconds: 1 }, "within 1 s", manyTexts],
    ["in the memory that there is", { memoryMB: 250 }, "in 250 MB of memory", manyTuples],
  ] as const) {
    it(`that cannot be checked ${what} are refused in one sentence, and the next submission is checked`, async () => {
      const strict = new TypeChecker(limits);
      try {
        const check = async (text: string) =>
          strict.check(await accepted("alice.ts", text), lesson("start-here"));
        const [refused, next] = await Promise.all([check(`${answers}\n${hostile}`), check(answers)]);
        const message = `alice.ts: the types could not be checked ${words}; simplify them, or begin with // @ts-nocheck`;
        expect(refused).to.deep.equal({ reason: "types", message });
        expect(next).to.deep.equal([]);
      } finally {
        await strict.close();
      }
    }).timeout(60_000);
  }

  it("count the server's own processor time: a server that has to wait loses nothing", async () => {
    const strict = new TypeChecker({ seconds: 1 });
    try {
      const check = async () => strict.check(await accepted("alice.ts", answers), lesson("start-here"));
      await check();
      process.kill(strict.pid!, "SIGSTOP");
      setTimeout(() => process.kill(strict.pid!, "SIGCONT"), 1500);
      expect(await check()).to.deep.equal([]);
    } finally {
      await strict.close();
    }
  });

  it("are checked by a new server when the old one was killed", async () => {
    await problems(answers);
    const { pid } = checker;
    process.kill(pid!, "SIGKILL");
    expect(await owners(answers.replace("/ 2;", '/ "2";'))).to.deep.equal(["causalPairs"]);
    expect(checker.pid).to.not.equal(pid);
  });

  it("that are made to take for ever end in an error or a refusal, not in a hang", async () => {
    const bomb = `type B<N extends 0[], A = [...N, ...N, ...N, ...N]> = A extends [...infer R] ? B<R extends 0[] ? R : []> : 0;
      export const causalPairs: B<[0, 0]> = 3;`;
    const found = await checker.check(await accepted("alice.ts", bomb, "start-here"), lesson("start-here"));
    expect(isRefusal(found) ? found.reason : found.length).to.not.equal(0);
    expect(await problems(answers)).to.deep.equal([]);
  });
});
