/** A small lesson for the tests of the judge: one implementation, one formula, one constant. */

import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { assertClose } from "workbook/assert-close";
import { type Graded, graded } from "workbook/grading/graded";
import type { JudgeOptions } from "workbook/grading/judge";
import { judge } from "workbook/grading/judge";
import type { ExerciseReport } from "workbook/grading/report";
import { inProcess } from "workbook/grading/subject";

export interface Answers {
  double(x: tf.Tensor1D): tf.Tensor1D;
  square(n: number): number;
  readonly width: number;
}

export const exact = { tolerance: 0, because: "doubling is exact" };

export const lesson: Graded = graded<Answers>("lesson", {
  double: {
    title: "Doubling",
    returns: "float32 tensor [T]",
    hint: "x + x",
    tests: [
      {
        sentence: "2x",
        points: 2,
        hint: "tf.mul",
        run: async ({ answer, random }) => {
          const x = random.normalTensor<tf.Rank.R1>([3]);
          assertClose(await answer(x), tf.mul(x, 2), exact);
        },
      },
      {
        sentence: "0 stays 0",
        run: async ({ answer }) => assertClose(await answer(tf.zeros([2])), tf.zeros([2]), exact),
      },
    ],
  },
  square: {
    title: "A square",
    returns: "number",
    tests: [
      {
        sentence: "n²",
        run: async ({ answer, random }) => {
          const n = 2 + random.integer(9);
          expect(await answer(n), `n = ${n}`).to.equal(n * n);
        },
      },
    ],
  },
  width: {
    title: "A constant",
    is: "number",
    tests: [
      { sentence: "it is 64", run: async ({ answer }) => expect(await answer()).to.equal(64) as never },
    ],
  },
});

export const right: Answers = {
  double: (x) => tf.mul(x, 2),
  square: (n) => n * n,
  width: 64,
};

/** Judges right answers with one of them replaced, and returns that exercise's part of the report. */
export async function judged(
  name: keyof Answers,
  answer: unknown,
  options: Partial<JudgeOptions> = {},
): Promise<ExerciseReport> {
  const subject = inProcess({ ...right, [name]: answer });
  const { exercises } = await judge(lesson, subject, { seed: "1", only: [name], ...options });
  return exercises[0]!;
}
