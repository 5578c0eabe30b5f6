/** From what a test threw to what the report says about it. */

import { inspect } from "node:util";
import { AssertionError } from "chai";
import { inFewDigits } from "../assert-close.js";
import { type GradedEntry, pointsOf } from "./graded.js";
import type { TestReport } from "./report.js";
import { isSkip } from "./skip.js";
import { AnswerError } from "./subject.js";
import { isTodo } from "./todo.js";

/** Longest expected or got that a report carries. */
const LONGEST = 200;

/** @param error what the test threw; undefined when it passed. */
export function testReport(
  exercise: string,
  test: Pick<GradedEntry["tests"][number], "sentence" | "points" | "hint" | "hidden">,
  error: unknown,
  timeout: number,
): TestReport {
  const { sentence, hint } = test;
  const maxPoints = pointsOf(test);
  const hidden = test.hidden === true ? ({ hidden: true } as const) : {};
  if (error === undefined) {
    return { sentence, state: "passed", points: maxPoints, maxPoints, message: "", ...hidden };
  }
  if (isSkip(error)) {
    const { message } = error;
    return {
      sentence,
      state: "skipped",
      points: 0,
      maxPoints: 0,
      skippedPoints: maxPoints,
      message,
      ...hidden,
    };
  }
  const lost = { sentence, points: 0, maxPoints, ...(hint === undefined ? {} : { hint }), ...hidden };
  if (isTodo(error)) {
    const message =
      error.exercise === exercise
        ? error.message
        : `${exercise} needs ${error.exercise}, which is not answered yet`;
    return { ...lost, state: "todo", message };
  }
  if (error instanceof AssertionError) return { ...lost, state: "failed", ...compared(error) };
  if (error instanceof AnswerError) return { ...lost, state: "error", message: error.message };
  if ((error as { code?: unknown }).code === "ERR_MOCHA_TIMEOUT") {
    return { ...lost, state: "error", message: `no result within ${timeout / 1000} s` };
  }
  return { ...lost, state: "error", message: `the test could not work with the answer: ${String(error)}` };
}

/** chai says "expected (what came) to equal (what was wanted)"; readers expect the words the other way round. */
function compared(error: Error & { expected?: unknown; actual?: unknown }) {
  const { message } = error;
  const near = /^(.*: )?expected (\S+) to be close to (\S+) \+\/- (\S+)$/s.exec(message);
  if (near !== null) {
    const [, label = "", ...numbers] = near;
    const [got, wanted, within] = numbers.map(Number) as [number, number, number];
    const [seen, right] = inFewDigits(got, wanted);
    return { message: `${label}expected ${right} ± ${within.toPrecision(2)}, got ${seen}` };
  }
  if (error.expected === undefined) return { message };
  const [expected, got] = [brief(error.expected), brief(error.actual)];
  const equality = /^(.*: )?expected .* to (?:deeply )?equal /s.exec(message);
  if (equality === null) return { message, expected, got };
  return { message: `${equality[1] ?? ""}expected ${expected}, got ${got}`, expected, got };
}

function brief(value: unknown): string {
  const text = typeof value === "string" ? value : inspect(value, { depth: 2, breakLength: Infinity });
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
