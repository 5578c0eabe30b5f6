// A judge for tests of the batch: what the submission's text says is what happens. It runs in workers.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { Judgement, Task } from "workbook/grading/batch/outcome";
import { BrokenGrader, type Services } from "workbook/grading/batch/protocol";
import { lesson } from "workbook/grading/submissions/exercise";
import { report } from "./sample.js";

// Where tests look for workers that were left behind.
const pids = process.env.STAND_IN_PIDS;
if (pids !== undefined) appendFileSync(pids, `${process.pid}\n`);

/** Resolves when the file is there. */
function appears(file: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!existsSync(file)) return;
      clearInterval(timer);
      resolve();
    }, 10);
  });
}

/** `wait` (for a `release`), `release`, `types`, `pass`, `fail`, `refuse`, `die`, `die once`, `hang` or `broken`. */
export async function judgeTask(task: Task, { alive, diagnose }: Services): Promise<Judgement> {
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
    case "wait":
      writeFileSync(`${task.path}.waits`, "");
      alive();
      await appears(path.join(path.dirname(task.path), "released"));
      return result;
    case "release":
      writeFileSync(path.join(path.dirname(task.path), "released"), "");
      return result;
    case "types": {
      const found = await diagnose(`export const rows: "${task.student}" = 3;\n`, lesson("start-here"));
      const message = "tooMuch" in found ? found.tooMuch : String(found.map(({ message }) => message));
      return { ...result, reason: "types", report: { ...judged, state: "could not be graded", message } };
    }
    case "hang":
      return new Promise(() => {});
    case "broken":
      throw new BrokenGrader("the tests do not load");
    default:
      return result;
  }
}
