// A judge for tests of the batch: what the submission's text says is what happens. It runs in workers.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { Judgement, Task } from "workbook/grading/batch/outcome";
import { BrokenGrader } from "workbook/grading/batch/protocol";
import { report } from "./sample.js";

// Where tests look for workers that were left behind.
const pids = process.env.STAND_IN_PIDS;
if (pids !== undefined) appendFileSync(pids, `${process.pid}\n`);

/** `pass`, `fail`, `refuse`, `die`, `die once`, `hang` or `broken`. */
export async function judgeTask(task: Task): Promise<Judgement> {
  const text = readFileSync(task.path, "utf8").trim();
  const passes = text === "pass";
  const judged = { ...report([passes, true, true]), seed: task.seed, file: path.basename(task.path) };
  const result = { report: judged, reason: "", seconds: { rows: 0.5 }, total: Math.random() };
  switch (text) {
    case "refuse":
      return {
        ...result,
        reason: "types",
        report: { ...judged, state: "could not be graded", message: "no type fits", score: 0, exercises: [] },
      };
    case "die":
      return process.exit(3);
    case "die once": {
      const mark = `${task.path}.died`;
      if (existsSync(mark)) return result;
      writeFileSync(mark, "");
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => {});
    }
    case "hang":
      return new Promise(() => {});
    case "broken":
      throw new BrokenGrader("the tests do not load");
    default:
      return result;
  }
}
