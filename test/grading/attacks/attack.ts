/** A hostile submission, and what must come of it when the real judge judges it behind the wall. */

import { expect } from "chai";
import { judge } from "workbook/grading/judge";
import type { ExerciseReport } from "workbook/grading/report";
import { AnswerError } from "workbook/grading/subject";
import { type IsolatedOptions, isolated } from "workbook/grading/wall/isolated";
import { type Answers, lesson } from "../lesson.js";

export interface Attack {
  /** What it tries, and what comes of it. */
  readonly name: string;
  /** JavaScript that follows the right answers to `../lesson.ts` and replaces some of them. */
  readonly code: string;
  /** Points of exercises; those not named get all of theirs. */
  readonly points: Partial<Record<keyof Answers, number>>;
  /** What the report says about the exercise's first test that did not pass. */
  readonly messages?: Partial<Record<keyof Answers, RegExp>>;
  /** The file cannot be graded at all: what it says then. */
  readonly refused?: RegExp;
  /** Exercises to judge; all unless given. */
  readonly only?: readonly (keyof Answers)[];
  readonly options?: IsolatedOptions;
}

const right = `
  const tf = require("@tensorflow/tfjs");
  exports.double = (x) => tf.mul(x, 2);
  exports.square = (n) => n * n;
  exports.width = 64;
  // A submission cannot require Node's modules; this is a way around that.
  const node = (name) => process.getBuiltinModule(name);
`;

const points = { double: 3, square: 1, width: 1 };

/** Judges the attack. What it printed comes with the report's exercises. */
export async function judgeAttack(
  { code, only, options = {} }: Pick<Attack, "code" | "only" | "options">,
  command?: IsolatedOptions["command"],
): Promise<{ exercises: readonly ExerciseReport[]; printed: string; refused?: string }> {
  let printed = "";
  const subject = isolated(`${right}\n${code}`, {
    onOutput: (text) => {
      printed += text;
    },
    ...(command && { command }),
    ...options,
  });
  try {
    await subject.load();
    const report = await judge(lesson, subject, { seed: "1", timeout: 120_000, ...(only && { only }) });
    return { exercises: report.exercises, printed };
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return { exercises: [], printed, refused: error.message };
  } finally {
    await subject.close();
  }
}

/** Fails unless the attack earns exactly what it should. */
export async function expectOutcome(attack: Attack): Promise<void> {
  const { exercises, refused } = await judgeAttack(attack);
  if (attack.refused !== undefined) {
    expect(refused).to.match(attack.refused);
    return;
  }
  expect(refused, "it was not loaded").to.equal(undefined);
  const names = attack.only ?? (Object.keys(points) as (keyof Answers)[]);
  const earned = Object.fromEntries(exercises.map((exercise) => [exercise.name, exercise.points]));
  const wanted = Object.fromEntries(names.map((name) => [name, attack.points[name] ?? points[name]]));
  const said = exercises.flatMap(({ tests }) => tests.map(({ message }) => message)).join("\n");
  expect(earned, said).to.deep.equal(wanted);
  for (const [name, pattern] of Object.entries(attack.messages ?? {})) {
    const tests = exercises.find((exercise) => exercise.name === name)?.tests ?? [];
    expect(tests.find(({ state }) => state !== "passed")?.message).to.match(pattern);
  }
}
