/** Reading and compiling whatever people hand in: mutations of valid submissions, from a fixed seed. */

import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { parseSync } from "oxc-parser";
import { useBackend } from "workbook/backend";
import { judgeSubmission } from "workbook/grading/judge-submission";
import { loadGraded } from "workbook/grading/lessons";
import { lesson } from "workbook/grading/submissions/exercise";
import { readBytes } from "workbook/grading/submissions/read";
import { isRefusal } from "workbook/grading/submissions/submission";
import { closeTypes } from "workbook/grading/submissions/types";
import { type Random, random } from "workbook/random";
import { answers, notebookFile, zipFile } from "./material.js";

/** Of each of four kinds, 10,000 in all; the environment asks for more: FUZZ=10000. */
const rounds = Number(process.env.FUZZ ?? 2500);
const judgedRounds = Math.ceil(rounds / 80);

const cells = [
  'import * as tf from "@tensorflow/tfjs";\nimport { show } from "workbook/plot/show";',
  { source: "# markdown", type: "markdown" },
  "const C = 512;\nconst D = C / 8, { x, ...rest } = { x: [C] };",
  "for (const a of [1, 2]) x.push(a);\nawait show(D);",
  ...answers.split("\n\n"),
  "const C = 64;\ntype Row<T> = T extends infer U ? U[] : never;",
  'await check("start-here", { causalPairs: (T: number) => x[T] });',
];
const seeds: Readonly<Record<string, Buffer>> = {
  "start-here.ts": Buffer.from(answers),
  "transformer.ts": Buffer.from(lesson("transformer").text),
  "start-here.ipynb": Buffer.from(notebookFile(cells)),
  "start-here.zip": zipFile([
    { name: "hw/start-here.ts", content: answers },
    { name: "hw/2017-transformer.ipynb", content: notebookFile(cells) },
    { name: "notes.txt", content: "hello" },
  ]),
};
const splices = [
  "\0",
  "}",
  "`${",
  "/*",
  '"',
  "\\",
  "\uFEFF",
  "\ud83d\ude00",
  "=>",
  "<T>",
  "import",
  "PK\x01\x02",
  "\xff",
];

/** One to four flips, cuts, insertions or splices. */
function mutated(source: Buffer, r: Random): Buffer {
  let bytes = source;
  for (let n = 1 + r.integer(4); n > 0; n--) {
    const at = r.integer(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + r.integer(r.integer(4) === 0 ? bytes.length : 16));
    const between = [
      () => Buffer.from([r.integer(256)]),
      () => Buffer.alloc(0),
      () =>
        Buffer.concat([Buffer.from(splices[r.integer(splices.length)]!, "latin1"), bytes.subarray(at, to)]),
      () => Buffer.concat([bytes.subarray(at, to), bytes.subarray(at, to)]),
      () => bytes.subarray(r.integer(bytes.length + 1)).subarray(0, 64),
    ][r.integer(5)]!();
    bytes = Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(to)]);
  }
  return bytes;
}

describe("whatever is handed in", () => {
  before(() => useBackend());
  after(() => closeTypes());

  for (const [name, source] of Object.entries(seeds)) {
    it(`${rounds} mutations of ${name}: each is a submission or a refusal that names the file`, async function () {
      this.timeout(60_000 + 20 * rounds);
      const r = random(`fuzz ${name}`);
      const reasons = new Map<string, number>();
      for (let i = 0; i < rounds; i++) {
        const result = await readBytes(name, mutated(source, r));
        const reason = isRefusal(result) ? result.reason : "accepted";
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        if (isRefusal(result))
          expect(result.message, `round ${i}`)
            .to.include(name)
            .and.to.match(/^[^\p{Cc}]+$/u);
        else expect(result.locate(1, 1), `round ${i}`).to.match(/.+:\d+:\d+$/);
      }
      expect(reasons.size, "kinds of outcome").to.be.greaterThan(1);
    });
  }

  it(`of ${judgedRounds} mutations of right answers, what does not compile earns nothing`, async function () {
    this.timeout(60_000 + 5000 * judgedRounds);
    const graded = await loadGraded("start-here");
    const r = random("judged");
    const seen = { broken: 0, graded: 0 };
    for (let i = 0; i < judgedRounds; i++) {
      const result = await readBytes("start-here.ts", mutated(seeds["start-here.ts"]!, r), {
        slug: "start-here",
      });
      if (isRefusal(result)) continue;
      const report = await judgeSubmission(graded, result, { seed: "1", limits: { seconds: 5 } });
      const isBroken = parseSync("a.ts", result.text, { lang: "ts", sourceType: "module" }).errors.length > 0;
      seen[isBroken ? "broken" : "graded"]++;
      if (!isBroken) continue;
      expect(report, result.text).to.include({ state: "could not be graded", score: 0, maxScore: 0 });
    }
    expect(seen.broken).to.be.greaterThan(0);
    expect(seen.graded).to.be.greaterThan(0);
  });
});
